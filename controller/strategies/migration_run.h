// SPDX-License-Identifier: Apache-2.0
#pragma once
// One reconcile of a MigrationVersion, from the first look to the verified end. One thread; borrows
// everything.

#include "controller/strategies/migration_version.h"

namespace ripcord {

class MigrationRun {
 public:
  MigrationRun(const MigrationTools& tools, Reconcile& reconcile);

  Outcome run();
  // The last thing the database said, for gauges; null when it did not answer.
  const SchemaState* last_seen() const { return seen_ ? &*seen_ : nullptr; }

 private:
  Outcome look_and_act();
  Result<MigrationObservation> observe(SchemaDatabase& database, SchemaState state);
  // Once more, with what is left when tombstones are gone whose time is over.
  Result<MigrationObservation> without_due_tombstones(SchemaDatabase& database,
                                                      MigrationObservation observed);
  // When the next tombstone is to go.
  std::optional<WallTime> next_drop() const;
  Outcome hold(const MigrationObservation& observed);
  void use_up_approval();
  Outcome migrate(SchemaDatabase& database);
  Outcome settled();
  // Tries the ups of `observed` on a shadow, as the policy asks for, and leaves those that may run.
  Status prove_ups(MigrationObservation& observed);
  void show_reversible(const std::vector<MigrationProof>& proofs);
  Result<SchemaState> read(SchemaDatabase& database);
  // What a way down destroys: counted, told where a person has to decide, copied before it runs.
  Status count_losses(SchemaDatabase& database, MigrationObservation& observed);
  void order_archives(MigrationObservation& observed);
  Outcome carry_out(SchemaDatabase& database, const MigrationObservation& observed);
  Status run_steps(SchemaSession& session, const MigrationDecision& decision);
  Status verify(SchemaDatabase& database, const MigrationPath& path);
  Outcome fail(const Status& status);
  void show(const MigrationObservation& observed);
  void show_version(SchemaState state);
  Status publish_intent(const MigrationObservation& observed, const std::string& message);
  void begin_history(const MigrationObservation& observed);
  void end_history(const std::string& result, std::optional<Duration> took);
  Status progress(const std::string& message);
  void count_stage(std::string_view stage, Duration took);
  void count_rollback(const std::string& result, Duration took);
  WallTime now() const { return tools_.clock.wall_now(); }
  std::int64_t generation() const { return reconcile_.object.meta.generation; }

  const MigrationTools& tools_;
  Reconcile& reconcile_;
  const MigrationVersionSpec& spec_;
  MigrationVersionStatus& status_;
  std::optional<SchemaState> seen_;
  bool goes_down_ = false;
  bool approval_opens_proof_ = false;  // NotReversible was held but for spec.approval
  Trigger trigger_ = Trigger::kSpec;
  MonoTime began_{};
  MonoTime published_{};
};

}  // namespace ripcord
