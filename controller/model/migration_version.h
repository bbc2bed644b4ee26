// SPDX-License-Identifier: Apache-2.0
#pragma once
// MigrationVersion: the schema version of a database. Values.
// Versions are 0 .. 2^63-1 (migration.h); "no version" (nothing applied) is an empty optional.

#include "controller/model/at_risk.h"
#include "controller/model/condition.h"
#include "controller/model/database.h"
#include "controller/model/migration.h"
#include "controller/model/override.h"
#include "controller/model/proof.h"
#include "controller/model/schema_range.h"
#include "controller/model/transition.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ripcord {

// One of these.
struct MigrationSourceRef {
  std::string directory;  // of any MigrationLayout
  std::vector<Migration> inline_migrations;
  std::optional<ConfigMapRef> config_map{};  // its keys are the files of golang-migrate's layout

  bool operator==(const MigrationSourceRef&) const = default;
};

// The reference for drivers, as located(DatabaseRef, ...).
MigrationSourceRef located(MigrationSourceRef ref, const std::string& ns);

enum class DownPolicy { kApprove, kAllow, kForbid };
enum class DataLossPolicy { kForbid, kApprove };

struct MigrationPolicy {
  DownPolicy down = DownPolicy::kApprove;
  DataLossPolicy data_loss = DataLossPolicy::kForbid;
  Duration lock_timeout = std::chrono::seconds(2);  // of each statement that needs a table lock
  Duration statement_timeout = Duration::zero();    // 0 = none
  ProofPolicy proof = ProofPolicy::kOff;
  // PostgreSQL: where the URL of the server is that migrations are tried in; none: that of the
  // database.
  std::string shadow_url_env;
  std::string shadow_url_file;
  // How long the old shape stays after the expand, before a contract may run; and after it, under
  // another name. 0: contracts that say nothing of themselves are not held.
  Duration contract_soak = Duration::zero();
  std::optional<ArchivePolicy> archive;  // what a down destroys is copied there first

  bool operator==(const MigrationPolicy&) const = default;
};

// Opens a down to exactly this version, once, and one that loses data only if it says so.
struct MigrationApproval {
  std::int64_t version = 0;
  std::string by;
  bool data_loss = false;
  std::string reason{};  // tells one approval of a version from the next

  bool operator==(const MigrationApproval&) const = default;
};

// The last approval that a down needed and had. In use until `used_at`, so that a down that was cut
// short goes on; from then on an equal approval opens nothing.
struct UsedApproval : MigrationApproval {
  std::optional<WallTime> used_at;

  bool operator==(const UsedApproval&) const = default;
};

struct MigrationOverride : OverrideBase {
  std::int64_t version = 0;

  bool operator==(const MigrationOverride&) const = default;
};

struct MigrationVersionSpec {
  bool suspend = false;
  DatabaseRef database;
  MigrationSourceRef source;
  std::optional<std::int64_t> version;  // absent = Latest
  MigrationPolicy policy;
  std::optional<MigrationApproval> approval;
  std::optional<MigrationOverride> override;
  std::optional<SchemaRange> schema_range;  // no way leads out of it
  std::vector<Transition> transitions;

  bool operator==(const MigrationVersionSpec&) const = default;
};

// What a statement or a script does to data, found by parsing. Ordered: the worst of two is the
// greater.
enum class DataEffect { kLossless, kLossy, kUnknown, kIrreversible };
std::string_view to_string(DataEffect effect);  // "Lossless", "Lossy", "Unknown", "Irreversible"

// What a contract has put aside and not dropped yet.
struct Tombstone {
  std::int64_t version = 0;  // of the contract
  std::string what;          // "column users.email", "table orders"
  std::string name;          // what it is called now
  WallTime made_at{};

  bool operator==(const Tombstone&) const = default;
};

struct MigrationVersionStatus : CommonStatus {
  std::optional<std::int64_t> version;  // as the database says; absent = nothing applied
  std::optional<std::int64_t> target;   // effective, resolved
  bool dirty = false;
  std::vector<std::string> pending;  // what would run next: "down 3 add_total", at most 20
  bool overridden = false;
  std::optional<UsedApproval> used_approval;  // absent once spec.approval is
  std::vector<MigrationProof>
      proofs;                       // of the last versions that were tried, ascending; at most 20
  std::vector<DataAtRisk> at_risk;  // of the way down that is held or under way; at most 50
  std::vector<TransitionStatus> transitions;
  std::vector<Tombstone> tombstones;  // at most 50

  bool operator==(const MigrationVersionStatus&) const = default;
};

}  // namespace ripcord
