// SPDX-License-Identifier: Apache-2.0
#pragma once
// The triggers that keep two columns of a SQLite table equal: AFTER INSERT, and AFTER UPDATE OF
// either column. What wins is as in adapters/postgres/transition_sync.h. They settle a row at most
// once, also where recursive_triggers is on.

#include "adapters/sqlite/connection.h"
#include "controller/model/transition.h"

#include <string>
#include <vector>

namespace ripcord::sqlite {

struct SyncTriggers {
  std::string on_insert;  // CREATE TRIGGER, exactly as SQLite keeps it
  std::string on_update;

  bool operator==(const SyncTriggers&) const = default;
};

// Which are wanted. FailedPrecondition when the table, a column or an expression does not fit.
Result<SyncTriggers> wanted_sync(Connection& connection, const Transition& transition);

// Which are there; empty texts: none.
Result<SyncTriggers> read_sync(Connection& connection, const std::string& name);

// Gives the old column of rows that differ what `toOld` makes of the new one: after a contract that
// was taken back, nobody wrote the old one meanwhile. `finished`: so was the backfill, and a new
// side without a value was taken from its row, not never given to it. While there are no triggers.
Status settle_by_new(Connection& connection, const TransitionSync& sync, bool finished);

// Good when there are none.
std::string drop_sync_sql(const std::string& name);
std::string drop_update_trigger_sql(const std::string& name);

// Refuses what is none, and text behind it, which query() would leave out without a word.
Status one_statement(Connection& connection, const std::string& sql);

std::string quote_name(std::string_view name);
// As the schema spells it. FailedPrecondition when there is no such table.
Result<std::string> resolve_table(Connection& connection, const std::string& table);

}  // namespace ripcord::sqlite
