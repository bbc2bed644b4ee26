// SPDX-License-Identifier: Apache-2.0
#pragma once
// The schema version of a real database and the ways to change it. What was applied, and how to
// undo it, is stored in the database itself.

#include "controller/base/clock.h"
#include "controller/base/status.h"
#include "controller/model/migration_version.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace ripcord {

enum class Direction { kUp, kDown };

struct SqlStatement {
  std::string text;
  std::int32_t line = 1;              // in its script, 1-based
  bool needs_no_transaction = false;  // CREATE INDEX CONCURRENTLY and its like
  DataEffect effect = DataEffect::kUnknown;

  bool operator==(const SqlStatement&) const = default;
};

// Splits a script with a real lexer or parser and finds what each statement does. Pure;
// thread-safe.
class SqlInspector {
 public:
  virtual ~SqlInspector() = default;
  // InvalidArgument names the line; a script without a statement gives an empty list.
  virtual Result<std::vector<SqlStatement>> inspect(Engine engine,
                                                    const std::string& script) const = 0;
};

// One applied migration as the database recorded it, with its undo.
struct AppliedMigration {
  std::int64_t version = 0;
  std::string name;
  std::optional<std::string>
      down;  // captured when up() was applied; absent: irreversible, or applied by another tool
  std::string up_digest;  // sha256, hex; empty when applied by another tool
  std::string down_digest;

  bool operator==(const AppliedMigration&) const = default;
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

struct SchemaState {
  std::optional<std::int64_t> version;    // absent = nothing applied
  bool dirty = false;                     // golang-migrate's bit, set by another tool
  std::vector<AppliedMigration> applied;  // ascending
  std::optional<UnfinishedMigration> unfinished;

  bool operator==(const SchemaState&) const = default;
};

// One step up or down. `statements` is what runs; the driver commits them together with the version
// row and the recorded undo, or journals them one by one when one of them needs no transaction.
struct MigrationStep {
  Direction direction = Direction::kUp;
  Migration migration;  // up: with the down to record; down: what was recorded
  std::vector<SqlStatement> statements;
  std::optional<std::int64_t> version_after;  // absent = nothing applied any more
};

// Holds the locks of the database (ours and golang-migrate's) until destroyed. One thread at a
// time.
class SchemaSession {
 public:
  virtual ~SchemaSession() = default;
  virtual Result<SchemaState> read() = 0;  // under the lock
  // Takes effect exactly once: running a step that is done already is ok and changes nothing; an
  // unfinished one goes on where it stopped. FailedPrecondition names file, line and the database's
  // own message; Unavailable when the connection was lost (read again before anything else).
  virtual Status run(const MigrationStep& step, const MigrationPolicy& policy,
                     std::stop_token stop) = 0;
};

class SchemaDatabase {
 public:
  virtual ~SchemaDatabase() = default;
  // Asks without a lock; changes nothing, not even to create our tables.
  virtual Result<SchemaState> read() = 0;
  // Polls for the locks; Unavailable (reason Locked) names the holder when they are not had within
  // `patience`.
  virtual Result<std::unique_ptr<SchemaSession>> lock(Duration patience, std::stop_token stop) = 0;
};

class SchemaDatabases {
 public:
  virtual ~SchemaDatabases() = default;
  virtual Result<std::unique_ptr<SchemaDatabase>> open(const DatabaseRef& ref) = 0;
};

// Migrations as their authors wrote them, ascending by version.
class MigrationSource {
 public:
  virtual ~MigrationSource() = default;
  virtual Result<std::vector<Migration>> load(const MigrationSourceRef& ref) = 0;
};

}  // namespace ripcord
