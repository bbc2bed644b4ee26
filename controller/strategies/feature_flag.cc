// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/feature_flag.h"

#include "controller/base/time_text.h"
#include "controller/model/validation.h"
#include "controller/strategies/flag_metrics.h"
#include "controller/strategies/flag_sinks.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr std::string_view kStrategy = "feature_flag";
constexpr std::string_view kSink = "ofrep";

FlagAnswer answer_of(const std::string& key, const FlagValue& value) {
  return {key, value.value, value.variant, value.reason};
}

Outcome stall(Resource& object, Status why, WallTime now) {
  CommonStatus& status = common(object.status);
  status.observed_generation = object.meta.generation;
  status.conditions.set_stalled(why.reason(), why.message(), object.meta.generation, now);
  return Stalled{std::move(why)};
}

Status key_is_taken(const std::string& key, const ObjectKey& winner) {
  return {StatusCode::kAlreadyExists,
          fmt::format("flag '{}' is served by {}, which is older; give this object another "
                      "spec.key, or delete one of the two",
                      key, to_string(winner)),
          "KeyTaken"};
}

// Who forced it, why and for how long, as far as the override says.
std::string because(const FeatureFlagOverride& forced) {
  std::string text = forced.reason.empty() ? "no reason given" : forced.reason;
  if (!forced.by.empty()) {
    text += fmt::format(", by {}", forced.by);
  }
  if (forced.until) {
    text += fmt::format(", until {}", format_time(*forced.until));
  }
  return text;
}

void set_ready(Resource& object, const FlagDecision& decision, WallTime now) {
  const auto& spec = std::get<FeatureFlagSpec>(object.spec);
  auto& status = std::get<FeatureFlagStatus>(object.status);
  std::string reason = "Serving";
  std::string message =
      fmt::format("applications get {} for flag '{}'", describe(decision.wanted), decision.key);
  if (decision.overridden) {
    reason = "Overridden";
    message += fmt::format("; spec.override is in force ({})", because(*spec.override));
  } else if (!decision.enabled) {
    reason = "Disabled";
    message += "; spec.enabled is false";
  }
  status.conditions.set_ready(std::move(reason), std::move(message), object.meta.generation, now);
}

}  // namespace

FeatureFlagStrategy::FeatureFlagStrategy(FlagServing& table, FlagEvaluation& endpoint,
                                         MetricSink& metrics, const Clock& clock, bool simulated,
                                         FlagSinkWriter* sinks)
    : claims_(table),
      endpoint_(endpoint),
      metrics_(metrics),
      clock_(clock),
      simulated_(simulated),
      sinks_(sinks) {
  show_available();
  metrics_.declare(metric::kFlagPropagation, {kSink});
}

Result<std::size_t> FeatureFlagStrategy::preload(const ObjectReader& store) {
  std::size_t loaded = 0;
  std::vector<ResourcePtr> with_sinks;
  const auto load = [&](const ResourcePtr& object) {
    if (preload(*object)) {
      ++loaded;
      if (sinks_ != nullptr && has_sinks(*object)) {
        with_sinks.push_back(object);
      }
    }
  };
  ASSIGN_OR_RETURN([[maybe_unused]] const std::int64_t version,
                   store.each(Kind::kFeatureFlag, load));
  // Only now it is known who answers for which key.
  for (const ResourcePtr& object : with_sinks) {
    if (const auto claimed = preload(*object)) {
      want_sinks(sinks_, *object, claimed->won ? &claimed->wanted : nullptr, std::nullopt);
    }
  }
  return loaded;
}

// Nothing when it is not known what the flag is to be served as.
std::optional<FeatureFlagStrategy::Preloaded> FeatureFlagStrategy::preload(const Resource& object) {
  std::optional<FlagValue> wanted = recorded_value(object);
  if (auto decision = decide_feature_flag(object, std::nullopt, clock_.wall_now());
      decision && !suspended(object.spec) && validation_status(object).ok()) {
    wanted = std::move(decision->wanted);
  }
  if (!wanted) {
    return std::nullopt;
  }
  const bool won = claim(object, answer_of(flag_key(object), *wanted), {}).won;
  claims_.take_decision(object.key());  // a restart changes nothing that anybody decided
  return Preloaded{*std::move(wanted), won};
}

Result<Plan> FeatureFlagStrategy::plan(const Resource& object, std::stop_token /*stop*/) {
  ASSIGN_OR_RETURN(const std::optional<FlagValue> now_served, served(flag_key(object)));
  ASSIGN_OR_RETURN(FlagDecision decision,
                   decide_feature_flag(object, now_served, clock_.wall_now()));
  return std::move(decision.plan);
}

Outcome FeatureFlagStrategy::converge(Reconcile& reconcile) {
  Resource& object = reconcile.object;
  common(object.status).simulated = simulated_;
  const MonoTime started = clock_.now();
  const auto decision = decide_feature_flag(object, std::nullopt, clock_.wall_now());
  if (!decision) {
    return stall(object, decision.error(), clock_.wall_now());
  }
  const FlagClaims::Ruling ruling = claim(object, answer_of(decision->key, decision->wanted),
                                          {reconcile.request.changed.value_or(started), started});
  want_sinks(sinks_, object, ruling.won ? &decision->wanted : nullptr,
             reconcile.request.changed.value_or(started));
  Outcome outcome =
      ruling.won ? serve(reconcile, *decision, started)
                 : stall(object, key_is_taken(decision->key, ruling.winner), clock_.wall_now());
  show_sinks(sinks_, object, ruling.won, clock_.wall_now());
  return outcome;
}

// From here on it is in the table.
Outcome FeatureFlagStrategy::serve(Reconcile& reconcile, const FlagDecision& decision,
                                   MonoTime started) {
  Resource& object = reconcile.object;
  const MonoTime acted = clock_.now();
  const auto verified = verify(object.key(), decision);
  if (!verified) {
    return unverified(object, decision, verified.error());
  }
  if (decision.rollback) {
    metrics_.observe(metric::kRollbackStageDuration, {kStrategy, "act"},
                     to_seconds(acted - started));
    metrics_.observe(metric::kRollbackStageDuration, {kStrategy, "verify"},
                     to_seconds(clock_.now() - acted));
  }
  record(object, decision, *verified, started);
  return Done{};
}

void FeatureFlagStrategy::forget(const ObjectKey& key) {
  claims_.release(key);
  if (sinks_ != nullptr) {
    sinks_->forget(key);
  }
  show_available();
}

Result<std::optional<FlagValue>> FeatureFlagStrategy::served(const std::string& key) {
  Result<FlagAnswer> answer = endpoint_.evaluate(key);
  if (answer) {
    return FlagValue{std::move(answer->value), std::move(answer->variant),
                     std::move(answer->reason)};
  }
  if (answer.error().code() == StatusCode::kNotFound) {
    return std::nullopt;
  }
  return tl::unexpected<Status>(std::move(answer.error()));
}

Result<FeatureFlagStrategy::Verified> FeatureFlagStrategy::verify(const ObjectKey& owner,
                                                                  const FlagDecision& decision) {
  Verified verified;
  ASSIGN_OR_RETURN(std::optional<FlagValue> answer, served(decision.key));
  if (answer == decision.wanted) {
    return verified;
  }
  verified.had_drifted = true;
  verified.drifted = answer;
  claims_.reassert(owner);
  ASSIGN_OR_RETURN(answer, served(decision.key));
  if (answer != decision.wanted) {
    return error(StatusCode::kUnavailable,
                 fmt::format("the evaluation endpoint answers {} for flag '{}' instead of {}; is "
                             "another process listening at the address of the flags?",
                             describe(answer), decision.key, describe(decision.wanted)),
                 "NotVerified");
  }
  return verified;
}

FlagClaims::Ruling FeatureFlagStrategy::claim(const Resource& object, FlagAnswer wanted,
                                              FlagClaims::Decision decision) {
  FlagClaims::Ruling ruling =
      claims_.claim({object.key(), object.meta.creation_timestamp, std::move(wanted)}, decision);
  show_available();
  return ruling;
}

// There is a way back while a flag is served: off is then one step away.
void FeatureFlagStrategy::show_available() {
  const MutexLock lock(gauge_);
  metrics_.set(metric::kRollbackAvailable, {kStrategy}, static_cast<double>(claims_.served()));
}

Outcome FeatureFlagStrategy::unverified(Resource& object, const FlagDecision& decision,
                                        Status why) {
  CommonStatus& status = common(object.status);
  status.observed_generation = object.meta.generation;
  status.conditions.set_reconciling(
      why.code() == StatusCode::kUnavailable ? why.reason() : "EndpointUnavailable",
      fmt::format("flag '{}' was set to {}, but that is not verified: {}", decision.key,
                  describe(decision.wanted), why.message()),
      object.meta.generation, clock_.wall_now());
  if (decision.rollback) {
    metrics_.add(metric::kRollbacks, {kStrategy, metric::trigger_label(decision.trigger), "failed"},
                 1);
  }
  return RequeueAfter{std::nullopt, std::move(why)};
}

void FeatureFlagStrategy::record(Resource& object, const FlagDecision& decision,
                                 const Verified& verified, MonoTime started) {
  auto& status = std::get<FeatureFlagStatus>(object.status);
  const WallTime now = clock_.wall_now();
  // The first try may have been an earlier reconcile: what people waited for began there.
  const std::optional<FlagClaims::Decision> decided = claims_.take_decision(object.key());
  const MonoTime verified_at = clock_.now();
  const Duration took = verified_at - (decided ? decided->decided : started);
  if (decided) {
    metrics_.observe(metric::kFlagPropagation, {kSink}, to_seconds(verified_at - decided->written));
  }
  if (decided && decision.rollback) {
    count_rollback(decision, took);
  }
  const std::optional<FlagValue> before = recorded_value(object);
  const bool repaired = verified.had_drifted && before && before == decision.wanted;
  const bool restarted = repaired && !verified.drifted;
  if (repaired && !restarted) {
    metrics_.add(metric::kDriftRepairs, {kStrategy});
  }
  if (decision.differs_from_record || (repaired && !restarted)) {
    const auto& spec = std::get<FeatureFlagSpec>(object.spec);
    HistoryEntry entry;
    entry.from = describe(repaired ? verified.drifted : before);
    entry.to = describe(decision.wanted);
    entry.trigger = decision.trigger;
    entry.started_at = now - std::chrono::duration_cast<WallTime::duration>(took);
    entry.completed_at = now;
    entry.duration_seconds = to_seconds(took);
    entry.result = "Succeeded";
    entry.by = decision.overridden ? spec.override->by : "";
    entry.reason = decision.overridden ? spec.override->reason : "";
    status.remember(std::move(entry));
  }
  status.observed_generation = object.meta.generation;
  status.variant = decision.wanted.variant;
  status.value = decision.wanted.value;
  status.enabled = decision.enabled;
  status.overridden = decision.overridden;
  set_ready(object, decision, now);
}

void FeatureFlagStrategy::count_rollback(const FlagDecision& decision, Duration took) {
  const std::string_view trigger = metric::trigger_label(decision.trigger);
  metrics_.observe(metric::kRollbackDuration, {kStrategy, trigger, "succeeded"}, to_seconds(took));
  metrics_.add(metric::kRollbacks, {kStrategy, trigger, "succeeded"}, 1);
}

}  // namespace ripcord
