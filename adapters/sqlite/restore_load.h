// SPDX-License-Identifier: Apache-2.0
#pragma once
// Copying a backup into the side file and making sure that it is a whole database which the live
// file can take over.

#include "adapters/sqlite/restore_site.h"
#include "controller/ports/restore_database.h"

#include <stop_token>

namespace ripcord::sqlite {

// FailedPrecondition (CorruptBackup) when SQLite's check finds damage; ResourceExhausted when there
// is no room for the side file, the copy of the live one and the swap.
Status load_side(const RestoreSite& site, const Backup& backup, const std::stop_token& stop);

}  // namespace ripcord::sqlite
