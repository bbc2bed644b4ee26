// SPDX-License-Identifier: Apache-2.0
#pragma once
// Putting the side database in the place of the live one:
//
//   mark side `swapping` -> [PAUSE] -> refuse connections -> end sessions
//     -> rename both, allow connections to the previous one, mark live `live`: one transaction
//
// With a PgBouncer the last mark is `resuming`, and RESUME and the mark `live` follow.
// Under a lock from before the first step until after the last. A failure before the renames is
// taken back. Whatever a crash leaves, calling it again ends it; so does the swap of another
// request for the same database.

#include "adapters/postgres/restore_site.h"

namespace ripcord::postgres {

// FailedPrecondition: the side is not complete, or something pins the live database (prepared
// transactions, replication slots). Unavailable: sessions did not end; the live database is as it
// was.
Result<SwapReport> swap_databases(const RestoreSite& site, const std::stop_token& stop);

}  // namespace ripcord::postgres
