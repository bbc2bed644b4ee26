// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/migration_version.h"

#include "controller/strategies/migration_contract.h"
#include "controller/strategies/migration_risk.h"
#include "controller/strategies/migration_run.h"
#include "controller/strategies/rollback_metrics.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace ripcord {
namespace {

bool needs_source(const MigrationVersionSpec& spec, WallTime now) {
  return !spec.version && active_override(spec.override, now) == nullptr;
}

// An undo that could not run is refused while it can still be mended: before it is recorded.
Status plan_undo(Engine engine, const MigrationTools& tools, MigrationMove& move) {
  const Migration& migration = move.step.migration;
  if (move.step.direction == Direction::kDown || !migration.down) {
    return {};
  }
  auto undo = tools.inspector.inspect(engine, *migration.down);
  if (!undo) {
    return undo.error().annotated(
        migration.down_file.empty() ? fmt::format("down of {}", move.origin) : migration.down_file);
  }
  move.step.undo = std::move(*undo);
  return {};
}

}  // namespace

Result<MigrationObservation> observe_migration(const MigrationSubject& subject,
                                               SchemaDatabase& database, SchemaState state,
                                               const MigrationTools& tools) {
  const auto& [spec, ns, status, keep_notes] = subject;
  const WallTime now = tools.clock.wall_now();
  MigrationObservation observed{std::move(state), {}, {}};
  Result<std::vector<Migration>> files =
      tools.source.load(spec.source.config_map ? located(spec.source, ns) : spec.source);
  if (!files && needs_source(spec, now)) {
    return as_return(files.error());
  }
  observed.path =
      migration_path(spec, observed.state, files ? *files : std::vector<Migration>{}, now);
  if (!files) {
    observed.path.drift.push_back("the migrations cannot be read: " + files.error().message());
    if (observed.path.hold) {
      observed.path.hold->message += "; and " + observed.path.drift.back();
    }
  }
  for (MigrationMove& move : observed.path.moves) {
    auto statements = tools.inspector.inspect(spec.database.engine, move.script());
    if (!statements) {
      return as_return(statements.error().annotated(move.origin));
    }
    move.step.statements = std::move(*statements);
    RETURN_IF_ERROR(plan_undo(spec.database.engine, tools, move));
  }
  RETURN_IF_ERROR(find_phases(tools.inspector, spec.database.engine, observed.path));
  RETURN_IF_ERROR(hold_contracts({spec, ns, status, observed.state, keep_notes}, database, tools,
                                 observed.path));
  observed.decision = decide_migration(spec, observed.path, status.used_approval);
  observed.decision.plan.notes = tombstone_notes(spec.policy, observed.state);
  return observed;
}

Result<Plan> MigrationVersionStrategy::plan(const Resource& object, std::stop_token stop) {
  const auto& spec = std::get<MigrationVersionSpec>(object.spec);
  const auto& status = std::get<MigrationVersionStatus>(object.status);
  ASSIGN_OR_RETURN(const auto database,
                   tools_.databases.open(located(spec.database, object.meta.ns)));
  ASSIGN_OR_RETURN(SchemaState state, database->read());
  ASSIGN_OR_RETURN(
      MigrationObservation observed,
      observe_migration({spec, object.meta.ns, status}, *database, std::move(state), tools_));
  MigrationVersionStatus counted;
  RETURN_IF_ERROR(count_risk(*database, observed.path, false, counted, stop));
  observed.decision.plan.at_risk = std::move(counted.at_risk);
  return std::move(observed.decision.plan);
}

Outcome MigrationVersionStrategy::converge(Reconcile& reconcile) {
  MigrationRun run(tools_, reconcile);
  const Outcome outcome = run.run();
  if (run.last_seen() != nullptr) {
    report(reconcile.object, *run.last_seen());
  }
  return outcome;
}

void MigrationVersionStrategy::forget(const ObjectKey& key) {
  for (const MetricDescriptor* each : {&metric::kMigrationVersion, &metric::kBackfillRows,
                                       &metric::kBackfillRate, &metric::kBackfillRemaining}) {
    tools_.metrics.remove(*each, {key.ns, key.name});
  }
  rollback_available_.set(key, false);
}

void MigrationVersionStrategy::report(const Resource& object, const SchemaState& state) {
  const ObjectKey key = object.key();
  const auto& spec = std::get<MigrationVersionSpec>(object.spec);
  const auto& proofs = std::get<MigrationVersionStatus>(object.status).proofs;
  tools_.metrics.set(metric::kMigrationVersion, {key.ns, key.name},
                     state.version ? static_cast<double>(*state.version) : -1);
  const bool recorded = !state.applied.empty() && state.applied.back().version == state.version &&
                        state.applied.back().down;
  const auto undo = recorded
                        ? tools_.inspector.inspect(spec.database.engine, *state.applied.back().down)
                        : std::vector<SqlStatement>{};
  const bool disproven =
      std::any_of(proofs.begin(), proofs.end(), [&](const MigrationProof& proof) {
        return proof.version == state.version && proof.result == Reversibility::kIrreversible;
      });
  rollback_available_.set(key, undo && !undo->empty() && !disproven);
}

}  // namespace ripcord
