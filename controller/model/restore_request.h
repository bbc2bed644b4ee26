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

struct RestoreApproval {
  std::string backup;  // must equal spec.backup
  std::string by;

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

struct RestoreRequestSpec {
  bool suspend = false;
  DatabaseRef database;
  std::string backup;             // name in the catalog
  std::string catalog_directory;  // spec.catalog.directory
  RestoreMode mode = RestoreMode::kSwap;
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
// With mode Drill, Verifying goes to Completed and the side database is dropped.
enum class RestorePhase { kPending, kLoading, kVerifying, kSwapping, kCompleted, kFailed };
std::string_view to_string(RestorePhase phase);  // "Pending", ...

struct TableRows {
  std::string table;  // "public.users"
  std::int64_t rows = 0;

  bool operator==(const TableRows&) const = default;
};

struct PhaseDuration {
  std::string phase;  // "Load", "Count", "Verify", "Swap"
  double seconds = 0;

  bool operator==(const PhaseDuration&) const = default;
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

  bool operator==(const RestoreRequestStatus&) const = default;
};

}  // namespace ripcord
