// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/migration_contract.h"

#include "controller/base/time_text.h"
#include "controller/policy/migration_phase.h"
#include "controller/policy/old_shape.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr std::size_t kShownTombstones = 50;
constexpr auto kAskTransitions = std::chrono::seconds(10);

Status find_phase(const SqlInspector& inspector, Engine engine, MigrationMove& move) {
  move.phase = inferred_phase(move.step.statements);
  if (move.script().find(kPhaseMark) == std::string::npos) {
    return {};
  }
  const auto report = inspector.review(engine, {move.script()});
  if (!report) {
    return report.error().annotated(move.origin);
  }
  const auto declared = declared_phase(report->phase_marks);
  if (!declared) {
    return declared.error().annotated(move.origin);
  }
  if (*declared) {
    move.phase = *declared;
    move.declared = true;
  }
  return {};
}

std::vector<DataLoss> drops_of(const MigrationMove& move) {
  std::vector<DataLoss> drops;
  for (const SqlStatement& statement : move.step.statements) {
    for (const DataLoss& loss : statement.effects.loses) {
      if (loss.what == DataLoss::What::kTable || loss.what == DataLoss::What::kColumn) {
        drops.push_back(loss);
      }
    }
  }
  return drops;
}

std::vector<std::string> words_of(const std::vector<DataLoss>& drops) {
  std::vector<std::string> words;
  for (const DataLoss& loss : drops) {
    const std::size_t dot = loss.relation.find('.');
    words.push_back(loss.what == DataLoss::What::kColumn ? loss.column
                    : dot == std::string::npos           ? loss.relation
                                                         : loss.relation.substr(dot + 1));
  }
  return words;
}

// One look at a contract, with what it needs.
class Look {
 public:
  Look(const ContractQuestion& question, const MigrationTools& tools, ContractFacts& facts)
      : question_(question), tools_(tools), facts_(facts) {}

  Status watch(const MigrationMove& contract) {
    const MigrationVersionSpec& spec = question_.spec;
    const std::vector<DataLoss> drops = drops_of(contract);
    if (drops.empty() || spec.database.engine == Engine::kSimulation) {
      return {};
    }
    if (spec.database.engine != Engine::kPostgreSql || tools_.statistics == nullptr) {
      facts_.not_watched = "only PostgreSQL counts statements";
      return {};
    }
    // Before the last hour of the soak, readers are no news.
    const auto ends = soak_ends(spec, question_.state, contract.step.migration.version);
    if (ends && *ends - observation_window(spec.policy) > facts_.now) {
      return {};
    }
    return count(contract, drops);
  }

 private:
  Status count(const MigrationMove& contract, const std::vector<DataLoss>& drops) {
    const DatabaseRef ref = located(question_.spec.database, question_.ns);
    const std::int64_t version = contract.step.migration.version;
    ASSIGN_OR_RETURN(CallCounts counts, tools_.statistics->count(ref, words_of(drops)));
    if (!counts.unavailable.empty()) {
      facts_.not_watched = counts.unavailable;
      return {};
    }
    std::erase_if(counts.statements, [&](const StatementCalls& statement) {
      return std::none_of(drops.begin(), drops.end(), [&](const DataLoss& loss) {
        return tools_.inspector.mentions(ref.engine, statement.text, loss);
      });
    });
    ASSIGN_OR_RETURN(const auto before, tools_.statistics->kept(ref, version));
    facts_.watched =
        look_again(before, counts, what_it_removes(contract.step.statements), facts_.now);
    return question_.keep ? tools_.statistics->keep(ref, version, *facts_.watched) : ok_status();
  }

  const ContractQuestion& question_;
  const MigrationTools& tools_;
  ContractFacts& facts_;
};

}  // namespace

Status find_phases(const SqlInspector& inspector, Engine engine, MigrationPath& path) {
  for (MigrationMove& move : path.moves) {
    if (move.step.direction == Direction::kUp && !move.step.migration.repeatable) {
      RETURN_IF_ERROR(find_phase(inspector, engine, move));
    }
  }
  return {};
}

Status hold_contracts(const ContractQuestion& question, SchemaDatabase& database,
                      const MigrationTools& tools, MigrationPath& path) {
  ContractFacts facts{question.state,
                      question.status.transitions,
                      question.status.used_approval,
                      std::nullopt,
                      "",
                      tools.clock.wall_now()};
  if (MigrationMove* contract = next_contract(question.spec, path)) {
    RETURN_IF_ERROR(Look(question, tools, facts).watch(*contract));
    if (can_put_aside(question.spec, *contract).possible) {
      ASSIGN_OR_RETURN(contract->cannot_rename, database.why_not_put_aside(drops_of(*contract)));
    }
  }
  hold_contracts(question.spec, facts, path);
  return {};
}

Status drop_tombstones(SchemaDatabase& database, const std::vector<std::int64_t>& versions,
                       const MigrationTools& tools, const MigrationPolicy& policy,
                       const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const auto session, database.lock(tools.lock_patience, stop));
  for (const std::int64_t version : versions) {
    RETURN_IF_ERROR(session->drop_tombstones(version, policy, stop));
  }
  return {};
}

std::vector<Tombstone> shown_tombstones(const SchemaState& state) {
  std::vector<Tombstone> shown;
  for (const KeptTombstone& tombstone : state.tombstones) {
    if (!tombstone.gone && shown.size() < kShownTombstones) {
      shown.push_back(tombstone);
    }
  }
  return shown;
}

std::vector<std::string> tombstone_notes(const MigrationPolicy& policy, const SchemaState& state) {
  std::vector<std::string> notes;
  for (const Tombstone& tombstone : shown_tombstones(state)) {
    const auto at = drop_time(policy, tombstone);
    notes.push_back(fmt::format(
        "{} is put aside as {} since {}; {}", tombstone.what, tombstone.name,
        format_time(tombstone.made_at),
        at ? fmt::format(
                 "going down to below {} renames it back, until it is dropped for good at {}",
                 tombstone.version, format_time(*at))
           : "it stays there: spec.policy.contractSoak is not set"));
  }
  return notes;
}

std::optional<Duration> look_again_in(const MigrationVersionSpec& spec, const Hold& hold,
                                      WallTime now) {
  if (hold.reason == "TransitionNotComplete") {
    return kAskTransitions;
  }
  if (!hold.until) {
    return std::nullopt;
  }
  const Duration left = std::max(Duration::zero(), Duration(*hold.until - now));
  // PostgreSQL's statements are counted once before the last hour, to be compared after it.
  const Duration window = observation_window(spec.policy);
  const bool counts = hold.reason == "ContractSoak" && spec.database.engine == Engine::kPostgreSql;
  return counts && left > window ? left - window : left;
}

Outcome no_later(Outcome outcome, const std::optional<WallTime>& at, WallTime now) {
  if (!at) {
    return outcome;
  }
  const Duration left = std::max(Duration::zero(), Duration(*at - now));
  if (std::holds_alternative<Done>(outcome) || std::holds_alternative<AwaitChange>(outcome)) {
    return RequeueAfter{left, {}};
  }
  if (auto* again = std::get_if<RequeueAfter>(&outcome)) {
    if (again->delay && left > Duration::zero() && *again->delay > left) {
      again->delay = left;
    }
  }
  return outcome;
}

}  // namespace ripcord
