// SPDX-License-Identifier: Apache-2.0
#pragma once
// What came of a statement that cannot run in a transaction, found in the catalogs. Knows CREATE
// INDEX CONCURRENTLY (an index that is not valid is a left-over), DROP INDEX CONCURRENTLY, DETACH
// PARTITION CONCURRENTLY (which is finished, not begun anew, once the partition waits to leave),
// CREATE/DROP DATABASE, and what can simply be repeated (REINDEX, VACUUM, ALTER SYSTEM). One
// thread.

#include "adapters/postgres/connection.h"

namespace ripcord::postgres {

enum class Outcome { kDone, kNotDone, kHalfDone, kUnknown };

// `target` is what target_of() gave before it began.
Result<Outcome> probe_statement(Connection& connection, const std::string& statement,
                                const std::string& target = {});

// The index, with its schema, that DROP INDEX would drop now: once it is gone its bare name may
// mean another one. Empty for other statements, and when there is none.
Result<std::string> target_of(Connection& connection, const std::string& statement);

// InvalidArgument when the statement's outcome could never be found, e.g. an index without a name.
Status can_probe(const std::string& statement);

// FailedPrecondition when the statement claims success but left an invalid index in place (IF NOT
// EXISTS does).
Status verify_statement(Connection& connection, const std::string& statement);

// Drops the invalid indexes that a broken CREATE INDEX or REINDEX CONCURRENTLY leaves.
Status clear_leftover(Connection& connection, const std::string& statement);

// Brings a statement that is half done to its end.
Status finish_half(Connection& connection, const std::string& statement);

// Does it only set the session (SET, RESET, SELECT set_config(...))? What follows it in its script
// depends on that in every session anew.
bool sets_session(const std::string& statement);

}  // namespace ripcord::postgres
