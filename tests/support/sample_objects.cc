// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sample_objects.h"

#include <utility>

namespace ripcord {
namespace {

const WallTime kThen =
    std::chrono::sys_days(std::chrono::January / 15 / 2024) + std::chrono::hours(12);

FeatureFlagSpec flag_spec(const std::string& key) {
  FeatureFlagSpec spec;
  spec.key = key;
  spec.variants = {{"off", "false"}, {"on", "true"}};
  spec.default_variant = "on";
  spec.off_variant = "off";
  return spec;
}

TrafficTargetSpec traffic_spec() {
  TrafficTargetSpec spec;
  spec.environments = {{"blue", {"127.0.0.1:9001"}, {}}, {"green", {"127.0.0.1:9002"}, {}}};
  spec.active = "green";
  spec.router.haproxy = HaproxyRouter{"/run/haproxy/admin.sock", "shop", ""};
  return spec;
}

DatabaseRef database() {
  DatabaseRef ref;
  ref.engine = Engine::kSqlite;
  ref.path = "./shop.db";
  return ref;
}

MigrationVersionSpec migration_spec() {
  MigrationVersionSpec spec;
  spec.database = database();
  spec.source.directory = "./migrations";
  spec.version = 3;
  return spec;
}

RestoreRequestSpec restore_spec() {
  RestoreRequestSpec spec;
  spec.database = database();
  spec.backup = "users_backup_20240115";
  spec.catalog_directory = "./backups";
  return spec;
}

void fill_override(OverrideBase& base) {
  base.reason = "INC-231";
  base.by = "alice";
  base.until = kThen + std::chrono::hours(1);
}

struct FullSpec {
  void operator()(FeatureFlagSpec& spec) const {
    spec.key = "new_checkout";
    spec.enabled = false;
    spec.when_disabled = WhenDisabled::kCodeDefault;
    spec.override.emplace();
    fill_override(*spec.override);
    spec.override->enabled = true;
    spec.override->variant = "on";
  }
  void operator()(TrafficTargetSpec& spec) const {
    spec.environments[0].health = {"/healthz", std::chrono::milliseconds(1500), 2, 204};
    spec.environments[1].addresses.push_back("127.0.0.1:9003");
    spec.active.clear();
    spec.weights = {{"blue", 90}, {"green", 10}};
    spec.router.haproxy->state_file = "/var/lib/haproxy/state";
    spec.verification = {"http://127.0.0.1:8080/", std::chrono::seconds(3),
                         std::chrono::milliseconds(20), std::chrono::seconds(2), 4};
    spec.override.emplace();
    fill_override(*spec.override);
    spec.override->active = "blue";
  }
  void operator()(MigrationVersionSpec& spec) const {
    spec.policy = {DownPolicy::kAllow, DataLossPolicy::kApprove, std::chrono::seconds(5),
                   std::chrono::minutes(2)};
    spec.approval = MigrationApproval{2, "alice", true, "INC-231"};
    spec.override.emplace();
    fill_override(*spec.override);
    spec.override->version = 2;
  }
  void operator()(RestoreRequestSpec& spec) const {
    spec.mode = RestoreMode::kDrill;
    spec.approval = RestoreApproval{spec.backup, "alice"};
    spec.verification = {5, {{"select count(*) from users", 1, 1000}}};
    spec.keep_previous = std::chrono::hours(48);
  }
};

struct FullStatus {
  void operator()(FeatureFlagStatus& status) const {
    status.variant = "on";
    status.value = "true";
    status.enabled = true;
    status.overridden = true;
  }
  void operator()(TrafficTargetStatus& status) const {
    status.active = "blue";
    status.weights = {{"blue", 100}, {"green", 0}};
    status.overridden = true;
    status.last_switch = SwitchReport{"green", "blue", 0.25, 0.125, 40, 1, kThen};
    status.reverted_generation = 2;
  }
  void operator()(MigrationVersionStatus& status) const {
    status.version = 3;
    status.target = 2;
    status.dirty = true;
    status.pending = {"down 3 add_total"};
    status.overridden = true;
    status.used_approval = UsedApproval{{2, "alice", true, "INC-230"}, kThen};
  }
  void operator()(RestoreRequestStatus& status) const {
    status.phase = RestorePhase::kSwapping;
    status.restored_rows = 100000;
    status.restored_bytes = 1 << 20;
    status.durations = {{"Load", 1.5}};
    status.swap_window_seconds = 0.5;
    status.side_database = "shop_side";
    status.previous_database = "shop_previous";
    status.previous_expires_at = kThen + std::chrono::hours(24);
    status.completed_at = kThen;
  }
};

void fill_common(CommonStatus& status) {
  status.observed_generation = 1;
  status.conditions.set_ready("Succeeded", "it is as wanted: \"done\" — ✓", 1, kThen);
  HistoryEntry entry;
  entry.from = "on";
  entry.to = "off";
  entry.trigger = Trigger::kOverride;
  entry.started_at = kThen;
  entry.completed_at = kThen + std::chrono::seconds(2);
  entry.duration_seconds = 1.75;
  entry.result = "Succeeded";
  entry.by = "alice";
  entry.reason = "INC-231";
  status.remember(std::move(entry));
  status.simulated = true;
}

}  // namespace

Resource sample_flag(const std::string& name, const std::string& ns) {
  return sample_object(Kind::kFeatureFlag, name, ns);
}

Resource sample_object(Kind kind, const std::string& name, const std::string& ns) {
  Resource object = make_resource(kind, name, ns);
  switch (kind) {
    case Kind::kFeatureFlag:
      object.spec = flag_spec(name);
      break;
    case Kind::kTrafficTarget:
      object.spec = traffic_spec();
      break;
    case Kind::kMigrationVersion:
      object.spec = migration_spec();
      break;
    case Kind::kRestoreRequest:
      object.spec = restore_spec();
      break;
  }
  return object;
}

Resource full_object(Kind kind, const std::string& name, const std::string& ns) {
  Resource object = with_suspend(sample_object(kind, name, ns), true);
  object.meta.finalizers = {"ripcord.dev/cleanup"};
  object.meta.labels = {{"app", "shop"}, {"tier", "web"}};
  object.meta.annotations = {{"ripcord.dev/note", "line one\nline \"two\" é"}};
  std::visit(FullSpec{}, object.spec);
  fill_common(common(object.status));
  std::visit(FullStatus{}, object.status);
  return object;
}

Resource with_suspend(Resource object, bool suspend) {
  std::visit([suspend](auto& spec) { spec.suspend = suspend; }, object.spec);
  return object;
}

}  // namespace ripcord
