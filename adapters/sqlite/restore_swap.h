// SPDX-License-Identifier: Apache-2.0
#pragma once
// Copying the side file into the live one: open connections stay valid and see the new content in
// one step (renaming would leave them on the old file). Under the live file's write lock:
//
//   copy the live file aside -> journal `swapping` -> copy the side in, one transaction
//     -> journal `swapped` -> remove the side
//
// After a crash between the last two, what the live file holds decides whether the copy took place.
// A live file that cannot be read is replaced by name instead: see restore_replace.h.

#include "adapters/sqlite/restore_site.h"
#include "controller/ports/restore_database.h"

#include <stop_token>

namespace ripcord::sqlite {

// Unavailable (Locked) when another controller migrates or swaps this database; Unavailable (Busy)
// when readers or writers kept the lock for all of the patience; the live file
// is then as it was. The window is the time in which writers had to wait.
Result<SwapReport> swap_files(const RestoreSite& site, const std::stop_token& stop);

// The way back, likewise: the previous file is copied in, what the live file held is kept as the
// side. FailedPrecondition: PreviousGone; PreviousDamaged; SwappedSince, when another restore was
// swapped in since.
Result<SwapReport> revert_files(const RestoreSite& site, const std::stop_token& stop);

}  // namespace ripcord::sqlite
