// SPDX-License-Identifier: Apache-2.0
#pragma once
// Works on the transitions of a MigrationVersion once its version stands: makes the triggers be
// there, backfills, validates. Everything under the lock of the database, for a few seconds at a
// time: then lock and worker are given back and the object comes again. Publishes its progress at
// most once a second; a publish that conflicts ends the run, so that an override is acted on. Keeps
// no state: the database says how far it is.

#include "controller/ports/schema_transitions.h"
#include "controller/strategies/migration_version.h"

#include <functional>

namespace ripcord {

struct BackfillPace;

class MigrationTransitions {
 public:
  MigrationTransitions(const MigrationTools& tools, Reconcile& reconcile);

  // True when there is anything to look after, or was.
  bool declared() const { return !spec_.transitions.empty() || !status_.transitions.empty(); }
  // `of_version` is what the migration itself came to; it stands where it is no success, and is
  // returned when nothing is left to do.
  Outcome tend(SchemaDatabase& database, const Outcome& of_version);

 private:
  struct Item {
    const Transition& declared;
    TransitionState state;
    TransitionStatus& status;
  };

  Result<std::optional<Outcome>> work(SchemaTransitions& transitions);
  Status sync_all(SchemaTransitions& transitions, const std::vector<std::string>& orphans);
  Status sync_one(SchemaTransitions& transitions, Item& item);
  // Nothing: it is at its end; an outcome: the rest follows in another run.
  Result<std::optional<Outcome>> backfill(SchemaTransitions& transitions, Item& item);
  Status validate(SchemaTransitions& transitions, Item& item);
  // Runs it while the object is published once a second: a conflict stops it.
  Status while_publishing(const Item& item, const std::function<Status(std::stop_token)>& run);
  Result<std::vector<Item>> items(SchemaTransitions& transitions,
                                  std::vector<std::string>* orphans);
  void show(Item& item, TransitionPhase phase, std::string message);
  void show_pace(Item& item, const BackfillPace& pace);
  Status publish(const Item& item);
  Outcome finish();
  Outcome trouble(const Status& status);
  // A person has to act about this one; the others go on.
  bool fails(const Status& status, Item& item);
  Duration since(MonoTime then) const { return tools_.clock.now() - then; }

  const MigrationTools& tools_;
  Reconcile& reconcile_;
  const MigrationVersionSpec& spec_;
  MigrationVersionStatus& status_;
  Outcome of_version_ = AwaitChange{};
  SchemaState schema_;
  std::vector<TransitionStatus> before_;  // as the object had them
  MonoTime began_{};
  MonoTime published_{};
};

}  // namespace ripcord
