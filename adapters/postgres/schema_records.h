// SPDX-License-Identifier: Apache-2.0
#pragma once
// What belongs to a schema without being in it, so that no copy of it has it: the records of its
// migrations in schema `ripcord`, which come from the backup, and its owner, grants, default
// privileges and comment, which stay with the place. Functions; one thread.

#include "adapters/postgres/schema_site.h"

namespace ripcord::postgres {

// The records of the schema in the side database, into the live one, for the staged schema. Tables
// that the live database lacks are made as they are in the side database.
Status carry_records(Connection& side, Connection& live, const RestoreSite& site,
                     const RestoreNames& names, const std::stop_token& stop);

// Statements, each ended by `;`, that give schema `to` what schema `from` has.
Result<std::string> carry_place_sql(Connection& live, const std::string& from,
                                    const std::string& to);

}  // namespace ripcord::postgres
