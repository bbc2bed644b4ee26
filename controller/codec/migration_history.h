// SPDX-License-Identifier: Apache-2.0
#pragma once
// The tables in which migration tools keep what they have applied: how each is recognised, read and
// kept right, so that its tool goes on afterwards. One class a tool, SQL text in and rows out; a
// driver runs it. Pure, stateless, thread-safe; the objects live for ever.

#include "controller/codec/sql_lexer.h"
#include "controller/model/schema_state.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord::codec {

using HistoryRows = std::vector<std::vector<std::optional<std::string>>>;

// A version that the table says is applied.
struct AppliedEntry {
  std::int64_t version = 0;
  std::string key;        // of its row, in the tool's words
  std::string checksum;   // where the tool keeps one that Migration::tool_checksum can be held to
  bool baseline = false;  // what lies below counts as applied too
  std::string file{};     // its name, as far as the table tells; empty: not at all
};

struct AppliedVersions {
  std::vector<AppliedEntry> entries;  // ascending
  bool only_last = false;             // the table holds no more than that (golang-migrate)
  bool dirty = false;
  std::string dirty_detail;  // empty: golang-migrate's bit
  std::vector<AppliedRepeatable> repeatables;

  std::optional<std::int64_t> version() const;  // the highest
  const AppliedEntry* find(std::int64_t version) const;
};

// A table by name. `quoted` is qualified and ready for SQL, `name` is bare.
struct HistoryTable {
  std::string quoted;
  std::string name;
};

class MigrationHistory {
 public:
  virtual ~MigrationHistory() = default;
  virtual MigrationLayout layout() const = 0;
  // As the tool itself makes it, under its default name. Harmless when it is there.
  virtual std::string create_sql(SqlDialect dialect, const HistoryTable& table) const = 0;
  // One statement; its first column is never null.
  virtual std::string select_sql(const HistoryTable& table) const = 0;
  // Of the rows that select_sql() gives. FailedPrecondition (reason ForeignTable) for what this
  // tool does not write.
  virtual Result<AppliedVersions> read(const HistoryRows& rows) const = 0;
  // What the tool would write after the step; `before` as it was read in the same transaction.
  virtual std::string record_sql(SqlDialect dialect, const HistoryTable& table,
                                 const MigrationStep& step,
                                 const AppliedVersions& before) const = 0;
  // Where each row is an applied version and nothing else: the column that says which, and what
  // record_sql() puts there. Empty for other tools.
  virtual std::string key_column() const { return ""; }
  virtual std::string key_of(const Migration& /*migration*/) const { return ""; }
};

const MigrationHistory& history_of(MigrationLayout layout);

// The name under which each tool looks for its table.
std::string_view default_history_name(MigrationLayout layout);
const std::vector<std::string>& default_history_names();

// The table's owner, by its columns alone: "NAME TYPE, NAME TYPE", in lower case and in the order
// of the names. Null for nobody's. `own_name`: the table has one of the default names; others are
// believed only when their columns cannot be anything else.
const MigrationHistory* recognise_history(std::string_view columns, bool own_name);

// What a database says, from the tool's table and our records. Versions that the tool applied have
// a record without an undo; our records of what it has not are stale.
SchemaState schema_state_of(const MigrationHistory* history, const AppliedVersions& versions,
                            const std::vector<AppliedMigration>& records,
                            std::optional<UnfinishedMigration> unfinished);

// False when the step has taken effect already. FailedPrecondition (Dirty), Conflict.
Result<bool> step_is_needed(const MigrationStep& step, const AppliedVersions& before,
                            std::string_view label);

// Does it run statement by statement, each with a row in the journal?
bool is_journaled(const MigrationStep& step);

// A refused statement's message, with what holds of a step that runs statement by statement:
// nothing of it, or its first `done` statements.
Status with_what_holds(const Status& failure, std::size_t done, std::size_t total);

// A database is kept by one tool. FailedPrecondition (reason ForeignTable) when an up is written
// for another one than whose table is there.
Status check_layout(const MigrationStep& step, const MigrationHistory* history,
                    const HistoryTable& table);

// The ids of the advisory locks under which tools exclude each other in PostgreSQL. Two of them
// depend on the table's name: the default one, unless `history` has another.
std::vector<std::int64_t> tool_locks(std::string_view schema, std::string_view database,
                                     const MigrationHistory* history = nullptr,
                                     std::string_view table = {});
// golang-migrate's id for its table in `schema` of the database it calls `dbname`.
std::int64_t golang_migrate_lock(std::string_view schema, std::string_view table,
                                 std::string_view dbname);

std::string sql_text(std::string_view text);  // 'it''s'

}  // namespace ripcord::codec
