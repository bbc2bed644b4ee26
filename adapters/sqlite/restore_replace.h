// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is done where the live file is damaged so that SQLite cannot read it, and so cannot copy
// into it either: it keeps its content under the name of the previous one, and the side file takes
// its place. Connections that are open stay on the damaged file.
//
//   journal `... by name` -> link the live file as the previous one -> move its -wal and -journal
//     there -> rename the side over the live file
//
// There is a file in its place at every moment, and the side is there until the last of it.

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/restore_site.h"

namespace ripcord::sqlite {

inline constexpr std::string_view kDatabaseDamaged = "DatabaseDamaged";

bool is_damage(int extended_result_code);
// Whether the last failure of a connection says that its file is damaged.
bool met_damage(const Connection& connection);
// FailedPrecondition (DatabaseDamaged) when SQLite cannot make anything of the file.
Status check_readable(const std::string& path);
// Idempotent, as long as the journal says that it was begun. The caller holds the lock of the
// database. Unavailable or PermissionDenied when the file system refuses.
Status replace_by_name(const RestoreSite& site);

}  // namespace ripcord::sqlite
