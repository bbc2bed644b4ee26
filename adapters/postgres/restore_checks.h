// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether this server can take a backup, and what the side database holds. Functions of one
// restore; one thread.

#include "adapters/postgres/restore_site.h"

namespace ripcord::postgres {

// FailedPrecondition: WrongVersion (made by a later server), ExtensionMissing, RoleMissing;
// ResourceExhausted (DiskFull) where the server's disk can be seen. From the manifest, or from what
// pg_restore lists where there is none.
Status preflight(const RestoreSite& site, const Backup& backup, const std::stop_token& stop);

// Of a session's database, or of one schema of it: rows by table, without the tables that keep the
// schema's version.
Result<std::vector<TableRows>> count_tables(Connection& connection, const std::stop_token& stop,
                                            const std::string& schema = {});
// Likewise, smallest tables first, as far as it gets: of a damaged table the others are counted,
// and one that somebody else has locked is not waited for.
Result<LiveRows> count_what_can_be(Connection& connection, const std::stop_token& stop,
                                   const std::string& schema = {});

// What pg_restore --list says; empty where it does not.
struct DumpFacts {
  std::int64_t server_major = 0;
  std::vector<std::string> extensions;
  std::vector<std::string> schemas;  // of tables, without ours; up to their first space or dot
};
DumpFacts facts_of_listing(const std::string& listing);
// From the manifest where there is one.
Result<DumpFacts> facts_of(const RestoreSite& site, const Backup& backup,
                           const std::stop_token& stop);

}  // namespace ripcord::postgres
