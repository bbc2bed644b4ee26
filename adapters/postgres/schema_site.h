// SPDX-License-Identifier: Apache-2.0
#pragma once
// What stands of a restore that swaps one schema of the live database (swapBy: Schema):
//
//   <db>_ripcord_<uid8>      side database, as in a swap of databases: loaded and verified here
//   <schema>_ripcord_<uid8>  in the live database: a copy of the verified schema; after a way back,
//                            what was restored
//   <schema>_before_<uid8>   in the live database: the previous contents
//
// The truth is kept in COMMENT ON SCHEMA, which travels with a rename and is written in the same
// transaction. Functions over a connection to the live database; one thread.

#include "adapters/postgres/restore_site.h"

namespace ripcord::postgres {

struct SchemaRow {
  std::string comment;
  std::optional<RestoreMark> mark;
};

struct SchemaState {
  RestoreNames names;  // of the schema; empty as long as it is not known
  std::optional<SchemaRow> live;
  std::optional<SchemaRow> staged;
  std::optional<SchemaRow> previous;

  bool known() const { return !names.live.empty(); }
  bool swapped(const RestoreSite& site) const;
  bool reverted(const RestoreSite& site) const;
  bool staged_of(const RestoreSite& site, const std::string& backup) const;  // to its end
};

// With `schema` empty, the one whose names or mark tell that this restore was there.
// FailedPrecondition (NameTaken) when the staged schema's name is taken by another restore.
Result<SchemaState> observe_schemas(Connection& live, const RestoreSite& site,
                                    const std::string& schema = {});
// Nothing when there is no live database, or it refuses connections.
Result<std::optional<Connection>> connect_live(const RestoreSite& site, const SiteState& databases,
                                               const std::stop_token& stop);
Result<std::int64_t> schema_bytes(Connection& live, const std::string& schema);
std::string schema_mark_sql(const std::string& schema, const std::string& own_comment,
                            const RestoreMark& mark);

// The records of migrations are kept by the name of their schema (column `home` of the tables in
// schema `ripcord`): one statement a table that lets them follow a rename, each ended by `;`.
Result<std::string> move_records_sql(Connection& live, const std::string& from,
                                     const std::string& to);
// Likewise; forgets those of a schema that is dropped.
Result<std::string> drop_records_sql(Connection& live, const std::string& home);
// Tables of schema `ripcord` that have a column `home`, unqualified.
Result<std::vector<std::string>> record_tables(Connection& connection);

// Drops the staged schema, with the records that belong to it. Nothing when there is none.
Status drop_staged(Connection& live, const RestoreSite& site, const std::stop_token& stop);

}  // namespace ripcord::postgres
