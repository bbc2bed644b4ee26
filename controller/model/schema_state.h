// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a database says about its schema version, and one step of changing it. Values.

#include "controller/model/migration_version.h"
#include "controller/model/sql_effects.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ripcord {

enum class Direction { kUp, kDown };

struct SqlStatement {
  std::string text;
  std::int32_t line = 1;                     // in its script, 1-based
  bool needs_no_transaction = false;         // CREATE INDEX CONCURRENTLY and its like
  DataEffect effect = DataEffect::kUnknown;  // what `effects` comes to
  SqlEffects effects{};

  bool operator==(const SqlStatement&) const = default;
};

// One applied migration as the database recorded it, with its undo.
struct AppliedMigration {
  std::int64_t version = 0;
  std::string name;
  std::optional<std::string>
      down;  // captured when up() was applied; absent: irreversible, or applied by another tool
  std::string up_digest;  // sha256, hex; empty when applied by another tool
  std::string down_digest;
  // The version below when it was applied (-1: none): what lies between was skipped. Absent: not
  // known.
  std::optional<std::int64_t> previous;
  std::string tool_checksum{};  // what the history of the tool that applied it says; see Migration
  std::optional<WallTime> applied_at{};  // by the database's clock; absent: not known
  std::string tool_file{};               // its file, as far as the history of that tool tells

  bool operator==(const AppliedMigration&) const = default;
};

// A repeatable migration as it was last applied.
struct AppliedRepeatable {
  std::string name;
  std::string tool_checksum;

  bool operator==(const AppliedRepeatable&) const = default;
};

// A migration that began and did not end: only those that cannot run in one transaction.
struct UnfinishedMigration {
  std::int64_t version = 0;
  Direction direction = Direction::kUp;
  std::int32_t statements_done = 0;
  std::int32_t statements_total = 0;
  std::string detail;  // what was found: before, after, between, with the statement

  bool operator==(const UnfinishedMigration&) const = default;
};

// What a contract has put aside, as it stands in the database.
struct KeptTombstone : Tombstone {
  // The recorded undo of its version brings it back. Else another tool went down past it.
  bool undoable = true;
  bool gone = false;  // somebody dropped it

  bool operator==(const KeptTombstone&) const = default;
};

// A transition whose backfill has ended, or whose validations were seen to hold since, by the
// database's clock.
struct FinishedTransition {
  std::string name;
  WallTime at{};
  std::string work;         // work_digest() of what was done
  std::string validations;  // validation_digest() of what held; empty = not looked at yet

  bool operator==(const FinishedTransition&) const = default;
};

struct SchemaState {
  std::optional<std::int64_t> version;    // absent = nothing applied
  bool dirty = false;                     // set by another tool: its last migration is half done
  std::vector<AppliedMigration> applied;  // ascending
  std::optional<UnfinishedMigration> unfinished;
  // Another tool went down past records of ours, which are left out of `applied`: what it applies
  // there next need not be what was recorded. lock() deletes them.
  bool stale_records = false;
  std::optional<MigrationLayout> history{};  // whose table is there; absent = none yet
  std::string dirty_detail{};                // what that tool says; empty: golang-migrate's bit
  std::vector<AppliedRepeatable> repeatables{};
  std::vector<KeptTombstone> tombstones{};                 // by version
  std::vector<FinishedTransition> finished_transitions{};  // by name
  // What a way back could not restore as it was; a sentence each.
  std::vector<std::string> remarks{};

  bool operator==(const SchemaState&) const = default;
};

// Something that a migration's down destroys.
struct LossAtRisk {
  std::int64_t version = 0;
  DataLoss loss;
  std::string unknown{};  // when not empty, `loss` is nothing: why it cannot be told what is lost

  bool operator==(const LossAtRisk&) const = default;
};

// What a step destroys is copied before it runs: each to a file of `folder`, which the driver makes
// and which is there only when it is complete; to others there, what goes with it by foreign keys.
// What is not there to be copied is left out.
struct ArchiveOrder {
  struct Item {
    DataLoss loss;
    std::string file;  // "01-column-users.email.csv"

    bool operator==(const Item&) const = default;
  };
  std::string folder;
  ArchiveFormat format = ArchiveFormat::kCsv;
  std::vector<Item> items;

  bool operator==(const ArchiveOrder&) const = default;
};

// One step up or down. `statements` is what runs; the driver commits them together with the version
// row and the recorded undo, or journals them one by one when one of them needs no transaction.
struct MigrationStep {
  Direction direction = Direction::kUp;
  Migration migration;  // up: with the down to record; down: what was recorded
  std::vector<SqlStatement> statements;
  std::optional<std::int64_t> version_after;  // absent = nothing applied any more
  std::vector<SqlStatement> undo{};           // up: the statements of migration.down, recorded too
  // Up: what its statements drop is renamed to a tombstone; see SchemaSession::run.
  bool put_aside = false;
  std::optional<ArchiveOrder> archive{};

  bool operator==(const MigrationStep&) const = default;
};

}  // namespace ripcord
