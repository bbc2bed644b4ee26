// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/contract.h"

#include "controller/base/time_text.h"
#include "controller/model/transition_state.h"
#include "controller/policy/approval.h"
#include "controller/policy/migration_phase.h"
#include "controller/policy/old_shape.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr Duration kLongestWindow = std::chrono::hours(1);

bool is_up(const MigrationMove& move) {
  return move.step.direction == Direction::kUp && !move.step.migration.repeatable;
}

bool soaks(const MigrationVersionSpec& spec) {
  return spec.policy.contract_soak > Duration::zero();
}

WallTime later(WallTime time, Duration by) {
  return time + std::chrono::duration_cast<WallTime::duration>(by);
}

std::string name_of(const MigrationMove& move) {
  return fmt::format("{} ({}Contract)", move.origin, move.declared ? "declared " : "");
}

// Which gate a contract stands before, with everything that the message needs.
class Gate {
 public:
  Gate(const MigrationVersionSpec& spec, const ContractFacts& facts, const MigrationMove& move,
       const MigrationMove* before)
      : spec_(spec),
        facts_(facts),
        move_(move),
        before_(before),
        version_(move.step.migration.version) {}

  std::optional<Hold> check() const {
    if (is_gated(spec_, move_) && soaks(spec_)) {
      if (auto held = check_soak()) {
        return held;
      }
    }
    if (auto held = check_transitions()) {
      return held;
    }
    if (is_gated(spec_, move_) && soaks(spec_)) {
      if (auto held = check_readers()) {
        return held;
      }
    }
    return is_gated(spec_, move_) ? check_approval() : std::nullopt;
  }

 private:
  std::optional<Hold> check_soak() const {
    const std::string soak = format_duration(spec_.policy.contract_soak);
    if (before_ != nullptr) {
      return Hold{"ContractSoak",
                  fmt::format("{} waits until {} after version {} is applied, which runs first{}",
                              name_of(move_), soak, before_->step.migration.version, then())};
    }
    const auto ends = soak_ends(spec_, facts_.state, version_);
    if (!ends || *ends <= facts_.now) {
      return std::nullopt;
    }
    const bool ended =
        std::any_of(spec_.transitions.begin(), spec_.transitions.end(),
                    [&](const Transition& transition) { return transition.contract == version_; });
    return Hold{
        "ContractSoak",
        fmt::format("{} waits until {}, {} after version {} was applied{}, so that every "
                    "release that needs the old shape is gone by then{}",
                    name_of(move_), format_time(*ends), soak, version_text(facts_.state.version),
                    ended ? " and the transitions that end with it were done" : "", then()),
        ends};
  }

  std::string then() const {
    return fmt::format(
        "; then it needs spec.approval: {{version: {}, by: YOU}}. To wait shorter, "
        "lower spec.policy.contractSoak",
        version_);
  }

  std::optional<Hold> check_transitions() const {
    for (const Transition& transition : spec_.transitions) {
      if (transition.contract != version_) {
        continue;
      }
      const auto at = std::find_if(facts_.transitions.begin(), facts_.transitions.end(),
                                   [&](const auto& s) { return s.name == transition.name; });
      const bool known = at != facts_.transitions.end();
      const bool complete = known && (at->phase == TransitionPhase::kComplete ||
                                      at->phase == TransitionPhase::kContracted);
      if (complete && !is_other_than_declared(transition)) {
        continue;
      }
      std::string is =
          complete ? "was declared otherwise when it was done" : "was not looked at yet";
      if (known && !complete) {
        is = fmt::format("is {}{}{}", to_string(at->phase), at->message.empty() ? "" : ": ",
                         at->message);
      }
      return Hold{"TransitionNotComplete", fmt::format("{} waits for transition {}, which {}",
                                                       move_.origin, transition.name, is)};
    }
    return std::nullopt;
  }

  // The status may tell of what was declared before.
  bool is_other_than_declared(const Transition& transition) const {
    return std::any_of(facts_.state.finished_transitions.begin(),
                       facts_.state.finished_transitions.end(), [&](const auto& finished) {
                         return finished.name == transition.name &&
                                (finished.work != work_digest(transition) ||
                                 finished.validations != validation_digest(transition));
                       });
  }

  std::optional<Hold> check_readers() const {
    if (!facts_.watched) {
      return std::nullopt;
    }
    const Duration window = observation_window(spec_.policy);
    const WallTime quiet = later(quiet_since(*facts_.watched), window);
    if (quiet <= facts_.now) {
      return std::nullopt;
    }
    const std::string readers = readers_after(*facts_.watched, later(facts_.now, -window));
    if (readers.empty()) {
      return Hold{"ObservingOldShape",
                  fmt::format("{} waits until {}: whether anybody still reads {} is watched for {} "
                              "in pg_stat_statements",
                              name_of(move_), format_time(quiet),
                              what_it_removes(move_.step.statements), format_duration(window)),
                  quiet};
    }
    return Hold{"OldShapeRead",
                fmt::format("{} would take away {}, which is still read: {}. Find the release that "
                            "does and take it away; when nothing is read for {} (at {} at the "
                            "earliest), this goes on",
                            name_of(move_), what_it_removes(move_.step.statements), readers,
                            format_duration(window), format_time(quiet)),
                quiet};
  }

  std::optional<Hold> check_approval() const {
    if (approval_opens(spec_.approval, facts_.used, version_)) {
      return std::nullopt;
    }
    return Hold{
        "ApprovalRequired",
        fmt::format("{} would take away {}. {}{}{}Approve it with spec.approval: {{version: "
                    "{}, by: YOU}}{}",
                    name_of(move_), what_it_removes(move_.step.statements), becomes(),
                    unknown_soak(), unwatched(), version_,
                    why_stale(spec_.approval, facts_.used, version_))};
  }

  std::string becomes() const {
    const PutAside aside = can_put_aside(spec_, move_);
    if (aside.possible) {
      return fmt::format(
          "It is put aside under another name first and dropped for good {} later; "
          "until then the way back is a rename. ",
          format_duration(spec_.policy.contract_soak));
    }
    return aside.why_not.empty() ? "" : fmt::format("It is gone at once: {}. ", aside.why_not);
  }

  std::string unknown_soak() const {
    const bool known = !soaks(spec_) || !facts_.state.version ||
                       soak_ends(spec_, facts_.state, version_).has_value();
    return known ? ""
                 : fmt::format(
                       "When version {} was applied is not known, another tool did it: see "
                       "for yourself that contractSoak {} has passed. ",
                       version_text(facts_.state.version),
                       format_duration(spec_.policy.contract_soak));
  }

  std::string unwatched() const {
    return soaks(spec_) && !facts_.not_watched.empty()
               ? fmt::format("Whether anybody still reads it was not looked at: {}. ",
                             facts_.not_watched)
               : "";
  }

  const MigrationVersionSpec& spec_;
  const ContractFacts& facts_;
  const MigrationMove& move_;
  const MigrationMove* before_;
  std::int64_t version_;
};

std::optional<Hold> check_expands(const MigrationPath& path) {
  for (const MigrationMove& move : path.moves) {
    if (!is_up(move) || move.resumed || !move.declared || move.phase != MigrationPhase::kExpand) {
      continue;
    }
    if (const auto fault = expand_fault(move.step.statements)) {
      return Hold{fault->reason,
                  fmt::format("{}:{}: {}", move.origin, fault->line, fault->message)};
    }
  }
  return std::nullopt;
}

}  // namespace

bool is_gated(const MigrationVersionSpec& spec, const MigrationMove& move) {
  return is_up(move) && !move.resumed && move.phase == MigrationPhase::kContract &&
         (move.declared || soaks(spec));
}

MigrationMove* next_contract(const MigrationVersionSpec& spec, MigrationPath& path) {
  const bool there =
      !path.hold && soaks(spec) && !path.moves.empty() && is_gated(spec, path.moves.front());
  return there ? &path.moves.front() : nullptr;
}

Duration observation_window(const MigrationPolicy& policy) {
  return std::min(policy.contract_soak, kLongestWindow);
}

std::optional<WallTime> soak_ends(const MigrationVersionSpec& spec, const SchemaState& state,
                                  std::int64_t contract) {
  if (!state.version || *state.version >= contract) {
    return std::nullopt;
  }
  const auto below =
      std::find_if(state.applied.begin(), state.applied.end(),
                   [&](const AppliedMigration& a) { return a.version == *state.version; });
  if (below == state.applied.end() || !below->applied_at) {
    return std::nullopt;
  }
  WallTime begins = *below->applied_at;
  for (const FinishedTransition& finished : state.finished_transitions) {
    const bool ends_with_it = std::any_of(
        spec.transitions.begin(), spec.transitions.end(), [&](const Transition& transition) {
          return transition.name == finished.name && transition.contract == contract;
        });
    begins = ends_with_it ? std::max(begins, finished.at) : begins;
  }
  return later(begins, spec.policy.contract_soak);
}

PutAside can_put_aside(const MigrationVersionSpec& spec, const MigrationMove& move) {
  if (!soaks(spec) || move.phase != MigrationPhase::kContract || move.resumed) {
    return {};
  }
  std::set<std::string> tables, tables_of_columns;
  for (const SqlStatement& statement : move.step.statements) {
    if (statement.effects.neutral) {
      continue;
    }
    if (!statement.effects.only_drops) {
      return {false,
              fmt::format("line {} does more than DROP TABLE or DROP COLUMN (without CASCADE); "
                          "drops in a migration of their own are put aside first",
                          statement.line)};
    }
    for (const DataLoss& loss : statement.effects.loses) {
      (loss.what == DataLoss::What::kTable ? tables : tables_of_columns).insert(loss.relation);
    }
  }
  const bool both = std::any_of(tables.begin(), tables.end(), [&](const std::string& table) {
    return tables_of_columns.contains(table);
  });
  if (both) {
    return {false, "it drops a table and a column of it"};
  }
  if (runs_without_transaction(move.script())) {
    return {false, "it runs without a transaction"};
  }
  if (!move.cannot_rename.empty()) {
    return {false, move.cannot_rename};
  }
  return {!tables.empty() || !tables_of_columns.empty(), ""};
}

void hold_contracts(const MigrationVersionSpec& spec, const ContractFacts& facts,
                    MigrationPath& path) {
  if (path.hold) {
    return;
  }
  if (auto fault = check_expands(path)) {
    path.hold = std::move(fault);
    return;
  }
  for (std::size_t i = 0; i < path.moves.size(); ++i) {
    MigrationMove& move = path.moves[i];
    if (!is_up(move) || move.resumed) {
      continue;
    }
    const Gate gate(spec, facts, move, i > 0 ? &path.moves[i - 1] : nullptr);
    if (auto held = gate.check()) {
      wait_from(path, i, std::move(*held));
      return;
    }
    path.uses_approval = path.uses_approval || is_gated(spec, move);
    move.step.put_aside = can_put_aside(spec, move).possible;
  }
}

std::optional<WallTime> drop_time(const MigrationPolicy& policy, const Tombstone& tombstone) {
  return policy.contract_soak > Duration::zero()
             ? std::optional(later(tombstone.made_at, policy.contract_soak))
             : std::nullopt;
}

DueTombstones due_tombstones(const MigrationVersionSpec& spec, const SchemaState& state,
                             const MigrationPath& path, WallTime now) {
  DueTombstones due;
  const bool goes_down = std::any_of(path.moves.begin(), path.moves.end(), [](const auto& move) {
    return move.step.direction == Direction::kDown;
  });
  const bool leads_down = state.version.value_or(-1) > path.target.value_or(-1);
  if (state.dirty || state.unfinished || goes_down || leads_down) {
    return due;
  }
  std::set<std::int64_t> versions;
  for (const KeptTombstone& tombstone : state.tombstones) {
    const auto when = drop_time(spec.policy, tombstone);
    if (tombstone.gone || (when && *when <= now)) {
      versions.insert(tombstone.version);
    } else if (when && (!due.next || *when < *due.next)) {
      due.next = when;
    }
  }
  due.versions.assign(versions.begin(), versions.end());
  return due;
}

}  // namespace ripcord
