// SPDX-License-Identifier: Apache-2.0
#pragma once
// The triggers that keep two columns of a PostgreSQL table equal: which ones are wanted, and which
// ones are there. One plpgsql function in schema ripcord, with the search_path of whoever made it,
// and on the table (and on each that inherits from it) two row triggers, BEFORE INSERT and BEFORE
// UPDATE, which sort behind other triggers and fire in replication too.
//
//   INSERT  the side that is given wins: one that is NULL, or the constant default of the new
//           column, is not. Both given and different: the new one.
//   UPDATE  the side that changed wins; both changed and different: the new one.
//
// A row whose new side is what `toNew` gives is left as it is. The trigger on UPDATE names both
// columns in its condition, so that PostgreSQL refuses to drop either while it is there.

#include "adapters/postgres/connection.h"
#include "controller/model/transition.h"

#include <string>

namespace ripcord::postgres {

// What the catalogs say.
struct SyncInPlace {
  bool there = false;       // the function, with a trigger or none
  std::string fingerprint;  // of function and triggers as they are
};

// "ripcord.\"sync_email_1f00a4c2\"": its name, for the schema where the history is.
std::string sync_function(const std::string& home, const std::string& transition);

Result<SyncInPlace> read_sync(Connection& connection, const std::string& function);

// Statements that make it, where there is none. FailedPrecondition when the table, a column or an
// expression does not fit.
Result<std::string> make_sync_sql(Connection& connection, const std::string& home,
                                  const Transition& transition);
// Tries the expressions on no row.
Status check_expressions(Connection& connection, const TransitionSync& sync);

// Gives the old column of rows that differ what `toOld` makes of the new one: after a contract that
// was taken back, nobody wrote the old one meanwhile. `finished`: so was the backfill, and a new
// side without a value was taken from its row, not never given to it.
Status settle_by_new(Connection& connection, const TransitionSync& sync, bool finished);

// The statement that removes function and triggers, wherever they are; good when there are none.
std::string drop_sync_sql(const std::string& function);

// The name of the table as SQL writes it; NotFound turned into FailedPrecondition.
Result<std::string> resolve_table(Connection& connection, const std::string& table);

}  // namespace ripcord::postgres
