// SPDX-License-Identifier: Apache-2.0
#pragma once
// The way back: the previous database takes the place of the restored one, which is kept as the
// side:
//
//   mark live `reverting` -> [PAUSE] -> refuse connections to both -> end sessions
//     -> rename both, allow connections, mark the side `reverted`: one transaction
//
// Under the locks of a swap. A failure before the renames is taken back; whatever a crash leaves,
// calling it again ends it.

#include "adapters/postgres/restore_site.h"

namespace ripcord::postgres {

// FailedPrecondition: PreviousGone; SwappedSince, when the live database is another restore's;
// something pins it. Unavailable: sessions did not end; the live database is as it was.
Result<SwapReport> revert_swap(const RestoreSite& site, const std::stop_token& stop);

}  // namespace ripcord::postgres
