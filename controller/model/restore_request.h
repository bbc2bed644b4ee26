// SPDX-License-Identifier: Apache-2.0
#pragma once
// RestoreRequest: the contents of a database, taken from a backup. Values.

#include "controller/model/condition.h"
#include "controller/model/database.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord {

enum class RestoreMode { kSwap, kDrill };
// What changes places: the whole database, or (PostgreSQL) the one schema that the backup holds.
enum class RestoreUnit { kDatabase, kSchema };

// Where the administration console of a PgBouncer is that clients connect through.
struct PgBouncerRef {
  std::string admin_url_env;
  std::string admin_url_file;

  bool operator==(const PgBouncerRef&) const = default;
};

struct RestoreApproval {
  std::string backup;  // must equal spec.backup
  std::string by;
  bool revert = false;  // for the way back: the approval of the swap does not open it

  bool operator==(const RestoreApproval&) const = default;
};

struct RestoreQuery {
  std::string sql;  // one row, one number
  std::optional<std::int64_t> min;
  std::optional<std::int64_t> max;

  bool operator==(const RestoreQuery&) const = default;
};

struct RestoreVerification {
  std::int64_t min_rows = 1;  // over all tables
  std::vector<RestoreQuery> queries;

  bool operator==(const RestoreVerification&) const = default;
};

// What a drill has to keep to; empty: measured only.
struct RestoreTargets {
  std::optional<Duration> rto;  // from the drill's begin to the verified copy
  std::optional<Duration> rpo;  // age of the backup when the drill began

  bool operator==(const RestoreTargets&) const = default;
};

struct RestoreRequestSpec {
  bool suspend = false;
  DatabaseRef database;
  std::string backup;             // name in the catalog
  std::string catalog_directory;  // spec.catalog.directory
  RestoreMode mode = RestoreMode::kSwap;
  RestoreUnit swap_by = RestoreUnit::kDatabase;
  std::optional<PgBouncerRef> pgbouncer;  // paused while databases change places
  bool revert = false;                    // swap back, while the previous database is kept
  std::string schedule;                   // of drills, see controller/base/cron.h; empty: once
  RestoreTargets targets;
  std::optional<RestoreApproval> approval;
  RestoreVerification verification;
  Duration keep_previous = std::chrono::hours(24);

  bool operator==(const RestoreRequestSpec&) const = default;
};

// Where a restore is. Each arrow is one step that a restart may repeat:
//
//   Pending -> Loading -> Verifying -> Swapping -> Completed
//                 \____________\___________\-----> Failed   (the live database is as it was)
//
// With mode Drill, Verifying goes to Completed and the side database is dropped; with a schedule it
// begins again at the next time, also from Failed. With `revert`:
//
//   Completed -> Reverting -> Reverted
enum class RestorePhase {
  kPending,
  kLoading,
  kVerifying,
  kSwapping,
  kCompleted,
  kFailed,
  kReverting,
  kReverted
};
std::string_view to_string(RestorePhase phase);  // "Pending", ...

struct TableRows {
  std::string table;  // "public.users"
  std::int64_t rows = 0;
  std::optional<std::int64_t> live_rows{};  // in the live database before the swap
  std::optional<bool> differs{};  // the live rows are not those of the backup; empty: not compared

  bool operator==(const TableRows&) const = default;
};

struct UncountedTable {
  std::string table;
  std::string why;  // as the database says

  bool operator==(const UncountedTable&) const = default;
};

struct PhaseDuration {
  std::string phase;  // "Check", "Load", "Count", "Verify", "Swap", "Revert"
  double seconds = 0;

  bool operator==(const PhaseDuration&) const = default;
};

// What was loaded, as its manifest or, without one, its file says.
struct RestoreSource {
  std::string name;
  bool manifest = false;
  std::optional<WallTime> started_at;  // the contents are of this moment
  std::optional<WallTime> ended_at;

  bool operator==(const RestoreSource&) const = default;
};

// Of the step that is under way; totals of 0 are not known.
struct RestoreProgress {
  std::string phase;  // as in PhaseDuration
  std::int64_t bytes = 0;
  std::int64_t bytes_total = 0;
  std::int64_t rows = 0;
  std::int64_t rows_total = 0;
  std::optional<double> eta_seconds;

  bool operator==(const RestoreProgress&) const = default;
};

struct DrillReport {
  std::string backup;
  WallTime started_at{};
  WallTime completed_at{};
  bool passed = false;
  std::string reason;   // "DrillSucceeded", or why not
  std::string message;  // for a person
  double rto_seconds = 0;
  std::optional<double> rpo_seconds;

  bool operator==(const DrillReport&) const = default;
};

struct RestoreRequestStatus : CommonStatus {
  RestorePhase phase = RestorePhase::kPending;
  std::int64_t restored_rows = 0;
  std::int64_t restored_bytes = 0;  // size of the restored database
  std::vector<TableRows> tables;    // at most 100
  std::vector<PhaseDuration> durations;
  double swap_window_seconds =
      0;                          // in which clients could not use the database, as a prober saw it
  std::string side_database;      // while it exists
  std::string previous_database;  // kept until previous_expires_at
  std::optional<WallTime> previous_expires_at;
  std::optional<WallTime> completed_at;
  std::optional<RestoreSource> source;
  std::optional<RestoreProgress> progress;        // while a step is under way
  std::optional<WallTime> requested_at;           // first seen with nothing in its way
  std::optional<double> rto_seconds;              // from then to the swap
  std::optional<double> rpo_seconds;              // from the backup's end to the swap
  std::optional<std::int64_t> rows_since_backup;  // rows that the live database had more
  std::string not_counted;                        // what of the live database could not be, and why
  std::optional<DrillReport> last_drill;
  std::optional<WallTime> last_passed_drill_at;
  std::optional<WallTime> next_drill_at;

  bool operator==(const RestoreRequestStatus&) const = default;
};

}  // namespace ripcord
