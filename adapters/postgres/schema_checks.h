// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether a restore can be swapped in as one schema: FailedPrecondition (SchemaSwapImpossible) says
// what stands against it, and that swapBy: Database does not mind. Functions; one thread.

#include "adapters/postgres/schema_site.h"

namespace ripcord::postgres {

// The one schema (beside ours, `ripcord`) that the database of `side` has something in, after
// everything that a copy of that schema would leave behind was looked for.
Result<std::string> only_schema(Connection& side, const RestoreSite& site);
// Nothing else in the live database is bound to the contents of `schema`, or they to it; what the
// backup needs from elsewhere (extensions) is there. `side` is null as long as nothing is loaded.
Status check_live_schema(Connection& live, Connection* side, const std::string& schema);
// What can be known before the backup is loaded.
Status preflight_schema(const RestoreSite& site, const Backup& backup, const std::stop_token& stop);

// What outside of `schema` is bound to its contents, as people would call it; at most three.
Result<std::vector<std::string>> bound_to(Connection& connection, const std::string& schema);

}  // namespace ripcord::postgres
