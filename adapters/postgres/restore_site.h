// SPDX-License-Identifier: Apache-2.0
#pragma once
// What one restore is called on the server and what stands there. The truth about a restore is kept
// in COMMENT ON DATABASE: it is written in the same catalog as the database, and travels with a
// rename. Functions over a connection to the maintenance database; one thread at a time.

#include "adapters/postgres/connection.h"
#include "controller/base/trace.h"
#include "controller/ports/command.h"
#include "controller/ports/restore_database.h"

#include <optional>
#include <string>

namespace ripcord::postgres {

inline constexpr std::string_view kMaintenanceDatabase = "postgres";

// `<db>_ripcord_<uid8>` and `<db>_before_<uid8>`, cut to the 63 bytes of a name.
struct RestoreNames {
  std::string live;
  std::string side;
  std::string previous;
};
RestoreNames restore_names(const std::string& live, const std::string& uid);

// The last line of the comment of a database that a restore made:
// "ripcord: uid=... stage=loaded backup=...". Stages:
//
//   loading -> loaded -> swapping -> [resuming ->] live -> reverting -> [resuming ->] reverted
//
// `swapping` and `reverting` are written before clients are held up, `live` and `reverted` with the
// renames: the database that was restored carries its mark wherever it is. With a PgBouncer
// `resuming` is written with the renames, and says that its clients may still be held.
// On a schema: `staged`, then `live` and `reverted` with the renames.
struct RestoreMark {
  std::string uid;
  std::string stage;
  std::string backup;

  bool operator==(const RestoreMark&) const = default;
};
std::string comment_with(const std::string& own_comment, const RestoreMark& mark);
std::optional<RestoreMark> mark_in(const std::string& comment);
std::string comment_without_mark(const std::string& comment);

// Everything a restore needs to know. What it points at outlives it.
struct RestoreSite {
  std::string url;
  std::string uid;
  RestoreNames names;
  CommandRunner* commands = nullptr;
  Clock* clock = nullptr;
  Trace trace;
  std::string pooler_url;  // of PgBouncer's console; empty: none
};

struct DatabaseRow {
  bool allows_connections = true;
  std::string comment;
  std::optional<RestoreMark> mark;
  std::int64_t bytes = 0;
};

struct SiteState {
  std::optional<DatabaseRow> live;
  std::optional<DatabaseRow> side;
  std::optional<DatabaseRow> previous;

  bool swapped(const RestoreSite& site) const;
  bool swap_begun(const RestoreSite& site) const;  // and not ended: connections may be refused
  bool reverted(const RestoreSite& site) const;
  bool revert_begun(const RestoreSite& site) const;  // and not ended
  // Everything is renamed, and the clients of a pooler may still be held.
  bool swap_to_resume(const RestoreSite& site) const;
  bool revert_to_resume(const RestoreSite& site) const;
};

Result<Connection> connect_maintenance(const RestoreSite& site, std::stop_token stop);
// FailedPrecondition when the side's name is taken by somebody else's database.
Result<SiteState> observe(Connection& connection, const RestoreSite& site);
// Both hold while the session of `connection` lives; who wants both takes the side's first.
// Unavailable (Locked) when another has it for 15 s.
//
// Keeps every other controller from making, filling or dropping the side database of this request.
Status lock_side(Connection& connection, const RestoreSite& site, const std::stop_token& stop);
// Keeps every other swap, of any request, away from the live database. Never held while loading:
// a swap that was killed shuts clients out until its next run has this lock.
Status lock_swap(Connection& connection, const RestoreSite& site, const std::stop_token& stop);
Status set_mark(Connection& connection, const std::string& database, const std::string& own_comment,
                const RestoreMark& mark);

}  // namespace ripcord::postgres
