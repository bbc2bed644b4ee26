// SPDX-License-Identifier: Apache-2.0
#pragma once
// One RestoreRequest under the common reconciler, over any databases, with a catalog directory and
// backups made as `ripcord backup` makes them.

#include "adapters/backupdir/backup_directory.h"
#include "adapters/backupdir/new_backup.h"
#include "adapters/memory/object_store.h"
#include "controller/codec/backup_manifest.h"
#include "controller/ports/backup_source.h"
#include "controller/strategies/restore_request.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

#include <functional>
#include <map>

namespace ripcord {

class SilentEvents final : public EventSink {
 public:
  void record(const Event&) override {}
};

class LastMetrics final : public MetricSink {
 public:
  void add(const MetricDescriptor& metric, LabelValues labels, double delta) override {
    values[named(metric, labels)] += delta;
  }
  void set(const MetricDescriptor& metric, LabelValues labels, double value) override {
    values[named(metric, labels)] = value;
    if (on_set) {
      on_set(named(metric, labels), value);
    }
  }
  void observe(const MetricDescriptor&, LabelValues, double) override {}
  void remove(const MetricDescriptor& metric, LabelValues labels) override {
    values.erase(named(metric, labels));
  }
  std::map<std::string, double> values;
  // On the thread that sets it, for values that are gone when a test looks.
  std::function<void(const std::string& name, double value)> on_set;

 private:
  static std::string named(const MetricDescriptor& metric, LabelValues labels) {
    std::string name(metric.name);
    for (const auto& label : labels) {
      name += " " + std::string(label);
    }
    return name;
  }
};

inline Result<std::string> take_backup(BackupSource& source, const DatabaseRef& database,
                                       const std::string& catalog, const std::string& name,
                                       BackupFormat format, const Clock& clock, Trace trace = {}) {
  ASSIGN_OR_RETURN(NewBackup made, NewBackup::begin(catalog, name, format, std::move(trace)));
  ASSIGN_OR_RETURN(BackupManifest manifest, source.write({database, format, made.path()}, {}));
  manifest.made_by = "ripcord test";
  return made.finish(manifest, clock, {});
}

inline std::string manifest_path(const std::string& backup) {
  return backup + std::string(kManifestEnding);
}

// As somebody who knows the format could.
inline void change_manifest(const std::string& backup,
                            const std::function<void(BackupManifest&)>& change) {
  auto manifest = codec::parse_backup_manifest(read_file(manifest_path(backup)));
  ASSERT_OK(manifest);
  change(*manifest);
  write_file(manifest_path(backup), codec::backup_manifest_text(*manifest));
}

class RequestFixture {
 public:
  RequestFixture(RestoreDatabases& databases, Clock& clock)
      : store_(clock),
        strategy_({catalog_, databases, events_, metrics, clock}),
        reconciler_(store_, strategy_, events_, metrics, clock) {
    spec.backup = "monday";
    spec.approval = RestoreApproval{"monday", "alice"};
  }

  void create() {
    Resource request = make_resource(Kind::kRestoreRequest, "undo");
    request.spec = spec;
    ASSERT_OK(store_.create(request));
  }
  Outcome reconcile() { return reconciler_.reconcile({key_, "r1", {}, {}}); }
  RestoreRequestStatus status() {
    return std::get<RestoreRequestStatus>((*store_.get(key_))->status);
  }
  std::string ready_reason() { return status().conditions.find(kReady)->reason; }
  std::string ready_message() { return status().conditions.find(kReady)->message; }
  void edit(const std::function<void(RestoreRequestSpec&)>& change) {
    Resource object = **store_.get(key_);
    change(std::get<RestoreRequestSpec>(object.spec));
    ASSERT_OK(store_.update(object));
  }
  void change_status(const std::function<void(RestoreRequestStatus&)>& change) {
    Resource object = **store_.get(key_);
    change(std::get<RestoreRequestStatus>(object.status));
    ASSERT_OK(store_.update_status(object));
  }
  void lose_status() {
    change_status([](RestoreRequestStatus& status) { status = {}; });
  }
  std::string uid() { return (*store_.get(key_))->meta.uid; }
  void remove() { ASSERT_OK(store_.remove(key_)); }
  // As when a request of that name is deleted in a namespace.
  void forget(const std::string& ns) { strategy_.forget({key_.kind, ns, key_.name}); }

  RestoreRequestSpec spec;
  LastMetrics metrics;

 private:
  const ObjectKey key_{Kind::kRestoreRequest, "default", "undo"};
  MemoryObjectStore store_;
  SilentEvents events_;
  BackupDirectory catalog_;
  RestoreRequestStrategy strategy_;
  StrategyReconciler reconciler_;
};

}  // namespace ripcord
