// SPDX-License-Identifier: Apache-2.0
#pragma once
// Putting the staged schema in the place of the live one, and back. Clients stay connected:
//
//   wait for snapshots that are older than the copy
//     -> lock the tables of the live schema, rename both schemas, move the records of migrations,
//        mark: one transaction
//
// The tables are locked so that no transaction sees or writes half of the one and half of the
// other. That lock is asked for in short tries, with pauses in which clients go on: what a client
// waits for at most is one try. Nothing is left behind by a crash, or by a try that fails.

#include "adapters/postgres/schema_site.h"

namespace ripcord::postgres {

// Both under lock_side() and lock_swap() of the caller, and the locks of migrations, taken here.
// Unavailable: Locked (a migration), SnapshotsRemain, LockTimeout name who is in the way.
Result<SwapReport> swap_schemas(Connection& live, const RestoreSite& site, const SchemaState& state,
                                const std::stop_token& stop);
// FailedPrecondition: PreviousGone, SwappedSince.
Result<SwapReport> revert_schemas(Connection& live, const RestoreSite& site,
                                  const SchemaState& state, const std::stop_token& stop);

}  // namespace ripcord::postgres
