// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/migration_transitions.h"

#include "controller/policy/transitions.h"
#include "controller/strategies/rollback_metrics.h"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr auto kPublishEvery = std::chrono::seconds(1);
constexpr auto kSlice = std::chrono::seconds(5);  // of the lock and the worker
constexpr auto kAtOnce = std::chrono::milliseconds(1);
constexpr auto kAskAgainWhenLocked = std::chrono::seconds(2);
constexpr std::string_view kFailed = "TransitionFailed";

// Something failed or has changed: the migration is tried again before transitions are looked at.
// One that waits for a time, or for a transition, is not.
bool comes_first(const Outcome& outcome) {
  const auto* again = std::get_if<RequeueAfter>(&outcome);
  return again != nullptr &&
         (!again->cause.ok() || again->delay.value_or(Duration::zero()) < kPublishEvery);
}

bool done(const Outcome& outcome) {
  return std::holds_alternative<Done>(outcome);
}

}  // namespace

MigrationTransitions::MigrationTransitions(const MigrationTools& tools, Reconcile& reconcile)
    : tools_(tools),
      reconcile_(reconcile),
      spec_(std::get<MigrationVersionSpec>(reconcile.object.spec)),
      status_(std::get<MigrationVersionStatus>(reconcile.object.status)) {}

Outcome MigrationTransitions::tend(SchemaDatabase& database, const Outcome& of_version) {
  if (comes_first(of_version) || reconcile_.request.stop.stop_requested()) {
    return of_version;
  }
  of_version_ = of_version;
  began_ = published_ = tools_.clock.now();
  before_ = status_.transitions;
  const auto session = database.lock(tools_.lock_patience, reconcile_.request.stop);
  if (!session) {
    return trouble(session.error());
  }
  auto state = (*session)->read();
  if (!state) {
    return trouble(state.error());
  }
  schema_ = std::move(*state);
  if (schema_.dirty || schema_.unfinished) {
    return of_version_;
  }
  if (done(of_version_) && schema_.version != status_.version) {
    return RequeueAfter{kAtOnce, ok_status()};  // somebody migrated in between
  }
  SchemaTransitions* const transitions = (*session)->transitions();
  if (transitions == nullptr) {
    status_.transitions.clear();
    for (const Transition& transition : spec_.transitions) {
      status_.transitions.push_back(
          {.name = transition.name, .message = "this database has no rows to look after"});
    }
    return of_version_;
  }
  const Result<std::optional<Outcome>> ended = work(*transitions);
  if (!ended) {
    return trouble(ended.error());
  }
  return *ended ? **ended : finish();
}

Result<std::optional<Outcome>> MigrationTransitions::work(SchemaTransitions& transitions) {
  std::vector<std::string> orphans;
  ASSIGN_OR_RETURN(std::vector<Item> all, items(transitions, &orphans));
  for (const std::string& name : orphans) {
    Transition gone;
    gone.name = name;
    RETURN_IF_ERROR(transitions.sync(gone, false, spec_.policy, reconcile_.request.stop));
  }
  // All triggers before the first backfill: it may take days.
  bool changed = false;
  for (Item& item : all) {
    const bool open = is_open(item.declared, schema_.version);
    const bool wrong = open ? !item.state.begun || !item.state.synced : item.state.triggered;
    if (!wrong) {
      continue;
    }
    changed = true;
    const Status synced =
        open ? sync_one(transitions, item)
             : transitions.sync(item.declared, false, spec_.policy, reconcile_.request.stop);
    if (!synced.ok() && !fails(synced, item)) {
      return as_return(synced.annotated(item.declared.name));
    }
  }
  std::vector<bool> failed;
  std::transform(all.begin(), all.end(), std::back_inserter(failed),
                 [](const Item& item) { return item.status.phase == TransitionPhase::kFailed; });
  if (changed) {
    // The messages of the failed ones are in the status, which the items point at.
    const std::vector<TransitionStatus> told = status_.transitions;
    ASSIGN_OR_RETURN(all, items(transitions, nullptr));
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (failed[i]) {
        all[i].status = told[i];
      }
    }
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    Item& item = all[i];
    if (failed[i] || !is_open(item.declared, schema_.version)) {
      continue;
    }
    if (!item.state.finished) {
      ASSIGN_OR_RETURN(const std::optional<Outcome> later, backfill(transitions, item));
      if (later) {
        return later;
      }
    }
    if (item.status.phase != TransitionPhase::kFailed && !item.state.validated) {
      RETURN_IF_ERROR(validate(transitions, item));
    }
  }
  return std::optional<Outcome>{};
}

Result<std::vector<MigrationTransitions::Item>> MigrationTransitions::items(
    SchemaTransitions& transitions, std::vector<std::string>* orphans) {
  ASSIGN_OR_RETURN(const TransitionStates states, transitions.read(spec_.transitions));
  if (orphans != nullptr) {
    *orphans = states.orphans;
  }
  status_.transitions.assign(spec_.transitions.size(), {});
  std::vector<Item> all;
  for (std::size_t i = 0; i < spec_.transitions.size(); ++i) {
    Item item{spec_.transitions[i], states.declared.at(i), status_.transitions[i]};
    item.status.name = item.declared.name;
    show(item, phase_of(item.declared, schema_.version, item.state), "");
    all.push_back(std::move(item));
  }
  return all;
}

void MigrationTransitions::show(Item& item, TransitionPhase phase, std::string message) {
  item.status.phase = phase;
  item.status.syncing = item.declared.sync && item.state.triggered;
  item.status.rows = item.state.rows;
  item.status.rows_total = item.state.rows_total;
  item.status.message = std::move(message);
}

Status MigrationTransitions::sync_one(SchemaTransitions& transitions, Item& item) {
  const bool drifted = item.state.begun && !item.state.unsynced.empty();
  if (drifted) {
    reconcile_.request.log.warning(
        "the trigger of a transition is put back",
        {{"transition", item.declared.name}, {"found", item.state.unsynced}});
    tools_.metrics.add(metric::kDriftRepairs, {snake_name(Kind::kMigrationVersion)});
  }
  return transitions.sync(item.declared, true, spec_.policy, reconcile_.request.stop);
}

Result<std::optional<Outcome>> MigrationTransitions::backfill(SchemaTransitions& transitions,
                                                              Item& item) {
  const ObjectKey key = reconcile_.object.key();
  const MonoTime first = tools_.clock.now();
  BackfillPace pace;
  // What the run before measured stands until this one has.
  const auto earlier = std::find_if(before_.begin(), before_.end(), [&](const auto& each) {
    return each.name == item.declared.name;
  });
  if (earlier != before_.end()) {
    item.status.rows_per_second = earlier->rows_per_second;
    item.status.eta_seconds = earlier->eta_seconds;
  }
  if (earlier == before_.end() || earlier->phase != TransitionPhase::kBackfilling) {
    RETURN_IF_ERROR(publish(item));
  }
  while (!item.state.finished) {
    if (reconcile_.request.stop.stop_requested()) {
      return error(StatusCode::kCancelled, "stopped between two batches");
    }
    auto batch = transitions.backfill(item.declared, spec_.policy, reconcile_.request.stop);
    if (!batch) {
      if (fails(batch.error(), item)) {
        return std::optional<Outcome>{};
      }
      return as_return(batch.error().annotated(item.declared.name));
    }
    item.state.rows += batch->rows;
    item.state.scanned += batch->scanned;
    item.state.finished = batch->finished;
    pace.rows += batch->rows;
    pace.scanned += batch->scanned;
    pace.took = since(first);
    show(item, TransitionPhase::kBackfilling, batch->waits_for);
    show_pace(item, pace);
    tools_.metrics.add(metric::kBackfillRows, {key.ns, key.name}, static_cast<double>(batch->rows));
    if (batch->finished) {
      break;
    }
    const bool give_back = since(began_) >= kSlice || batch->rest >= kPublishEvery;
    if (give_back || since(published_) >= kPublishEvery) {
      RETURN_IF_ERROR(publish(item));
    }
    if (give_back) {
      return Outcome{RequeueAfter{std::max<Duration>(batch->rest, kAtOnce), ok_status()}};
    }
    if (batch->rest > Duration::zero()) {
      tools_.clock.sleep_for(batch->rest, reconcile_.request.stop);
    }
  }
  item.status.rows_per_second = 0;
  item.status.eta_seconds.reset();
  tools_.metrics.set(metric::kBackfillRate, {key.ns, key.name}, 0);
  tools_.metrics.set(metric::kBackfillRemaining, {key.ns, key.name}, 0);
  reconcile_.request.log.info("backfill done", {{"transition", item.declared.name},
                                                {"rows", std::to_string(item.state.rows)}});
  return std::optional<Outcome>{};
}

void MigrationTransitions::show_pace(Item& item, const BackfillPace& pace) {
  if (pace.scanned == 0) {
    return;
  }
  item.status.rows_per_second = pace.rows_per_second();
  item.status.eta_seconds = pace.seconds_left(item.state);
  const ObjectKey key = reconcile_.object.key();
  tools_.metrics.set(metric::kBackfillRate, {key.ns, key.name}, item.status.rows_per_second);
  if (item.status.eta_seconds) {
    tools_.metrics.set(metric::kBackfillRemaining, {key.ns, key.name}, *item.status.eta_seconds);
  }
}

Status MigrationTransitions::validate(SchemaTransitions& transitions, Item& item) {
  show(item, TransitionPhase::kValidating, "");
  Result<std::vector<std::string>> broken{std::vector<std::string>{}};
  const Status ran = while_publishing(item, [&](std::stop_token stop) -> Status {
    broken = transitions.validate(item.declared, spec_.policy, std::move(stop));
    return broken ? ok_status() : broken.error();
  });
  if (!ran.ok()) {
    return fails(ran, item) ? ok_status() : ran.annotated(item.declared.name);
  }
  if (broken->empty()) {
    show(item, TransitionPhase::kComplete, "");
    return {};
  }
  std::string text;
  for (const std::string& each : *broken) {
    text += (text.empty() ? "" : "; ") + each;
  }
  show(item, TransitionPhase::kFailed, text);
  return {};
}

Status MigrationTransitions::while_publishing(const Item& item,
                                              const std::function<Status(std::stop_token)>& run) {
  std::stop_source stop;
  const std::stop_callback outer(reconcile_.request.stop, [&] { stop.request_stop(); });
  Status published;
  Status ran;
  {
    // The only one that touches the object meanwhile.
    const std::jthread publisher([&](const std::stop_token& over) {
      const MonoTime first = tools_.clock.now();
      while (tools_.clock.sleep_for(kPublishEvery, over) && published.ok()) {
        item.status.message = fmt::format("for {:.0f} s", to_seconds(since(first)));
        published = publish(item);
      }
      if (!published.ok()) {
        stop.request_stop();
      }
    });
    ran = run(stop.get_token());
  }
  item.status.message.clear();
  return published.ok() ? ran : published;
}

Status MigrationTransitions::publish(const Item& item) {
  published_ = tools_.clock.now();
  if (done(of_version_)) {
    const bool backfills = item.status.phase == TransitionPhase::kBackfilling;
    std::string text =
        backfills ? progress_text(item.status, item.state.scanned) : "the validations are asked";
    if (!item.status.message.empty()) {
      text += (backfills ? "; it waits: " : " ") + item.status.message;
    }
    status_.conditions.set_reconciling(
        backfills ? "Backfilling" : "Validating",
        fmt::format("the database is at version {}; transition {}: {}",
                    version_text(schema_.version), item.declared.name, text),
        reconcile_.object.meta.generation, tools_.clock.wall_now());
  }
  return reconcile_.publish();
}

bool MigrationTransitions::fails(const Status& status, Item& item) {
  if (!std::holds_alternative<Stalled>(outcome_of(status))) {
    return false;
  }
  show(item, TransitionPhase::kFailed, status.message());
  return true;
}

Outcome MigrationTransitions::trouble(const Status& status) {
  const Outcome outcome = outcome_of(status);
  const bool waits = std::holds_alternative<RequeueAfter>(outcome);
  if (done(of_version_) && status.code() != StatusCode::kConflict) {
    const std::string text = "while working on a transition: " + status.message();
    const auto set = waits ? &ConditionSet::set_reconciling : &ConditionSet::set_stalled;
    (status_.conditions.*set)(status.reason(), text, reconcile_.object.meta.generation,
                              tools_.clock.wall_now());
  }
  if (status.reason() == "Locked") {
    return RequeueAfter{kAskAgainWhenLocked, status};
  }
  return waits || done(of_version_) ? outcome : of_version_;
}

Outcome MigrationTransitions::finish() {
  std::string failed;
  bool opened = false;  // somebody may wait for just this
  for (const TransitionStatus& now : status_.transitions) {
    const auto was = std::find_if(before_.begin(), before_.end(),
                                  [&](const auto& each) { return each.name == now.name; });
    opened = opened || (now.phase == TransitionPhase::kComplete &&
                        (was == before_.end() || was->phase != now.phase));
    if (now.phase == TransitionPhase::kFailed) {
      failed +=
          fmt::format("{}transition {}: {}", failed.empty() ? "" : "; ", now.name, now.message);
    }
  }
  if (!done(of_version_)) {
    return opened ? Outcome{RequeueAfter{kAtOnce, ok_status()}} : of_version_;
  }
  if (failed.empty()) {
    return of_version_;
  }
  const std::string text =
      fmt::format("the database is at version {}; {}", version_text(schema_.version), failed);
  status_.conditions.set_stalled(std::string(kFailed), text, reconcile_.object.meta.generation,
                                 tools_.clock.wall_now());
  return Stalled{{StatusCode::kFailedPrecondition, text, std::string(kFailed)}};
}

}  // namespace ripcord
