// SPDX-License-Identifier: Apache-2.0
#pragma once
// Copying the verified schema from the side database into the live one, under a name of its own:
//
//   side: rename the schema -> pg_dump | pg_restore -> compare rows, sums, definitions
//     -> side: rename back -> records of migrations, statistics -> mark `staged`
//
// The rename in the side database lets PostgreSQL itself rewrite every reference; no SQL text is
// changed here. What a crash leaves is dropped and made again.

#include "adapters/postgres/schema_site.h"

namespace ripcord::postgres {

// Idempotent. FailedPrecondition: SideIncomplete, SchemaSwapImpossible, LoadFailed, ContentsDiffer.
// The caller holds lock_side().
Status stage_schema(Connection& maintenance, const RestoreSite& site, const std::stop_token& stop);

// False when the rename in the side database still stands.
Result<bool> side_names_are_settled(Connection& side, const RestoreSite& site);
// Takes back the rename in the side database that a crash left. The caller holds lock_side().
Status settle_side_names(Connection& side, const RestoreSite& site);

}  // namespace ripcord::postgres
