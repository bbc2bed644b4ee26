// SPDX-License-Identifier: Apache-2.0
#pragma once
// A MigrationVersion in a store in memory over a simulated database at version 5, reconciled as
// often as asked. Hooks see each look and each step and may fail them. One thread.

#include "adapters/memory/object_store.h"
#include "adapters/simulation/schema.h"
#include "controller/strategies/migration_version.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ripcord {

// Counts, values, and for a histogram the number and the sum of what was observed.
class RecordedMetrics final : public MetricSink {
 public:
  void add(const MetricDescriptor& m, LabelValues labels, double delta) override {
    values[name(m, labels)] += delta;
  }
  void set(const MetricDescriptor& m, LabelValues labels, double value) override {
    values[name(m, labels)] = value;
  }
  void observe(const MetricDescriptor& m, LabelValues labels, double value) override {
    ++values[name(m, labels)];
    values[name(m, labels) + " sum"] += value;
  }
  void remove(const MetricDescriptor& m, LabelValues labels) override {
    values.erase(name(m, labels));
  }
  std::map<std::string, double> values;

 private:
  static std::string name(const MetricDescriptor& m, LabelValues labels) {
    std::string text(m.name);
    for (const auto label : labels) {
      text += " " + std::string(label);
    }
    return text;
  }
};

struct SchemaHooks {
  std::function<void()> before_read = [] {};
  std::function<Status(const MigrationStep&)> before_run = [](const auto&) { return ok_status(); };
  std::function<void(const std::vector<LossAtRisk>&)> before_count = [](const auto&) {};
};

// The databases of `real`, with the hooks called.
class HookedDatabases final : public SchemaDatabases {
 public:
  HookedDatabases(SchemaDatabases& real, const SchemaHooks& hooks) : real_(real), hooks_(hooks) {}
  Result<std::unique_ptr<SchemaDatabase>> open(const DatabaseRef& ref) override;

 private:
  SchemaDatabases& real_;
  const SchemaHooks& hooks_;
};

// What the simulated one says, but with this effect.
class InspectorWithEffect final : public SqlInspector {
 public:
  Result<std::vector<SqlStatement>> inspect(Engine engine,
                                            const std::string& script) const override;
  DataEffect effect = DataEffect::kLossless;

 private:
  simulation::SimulatedSqlInspector real_;
};

class NoEvents final : public EventSink {
 public:
  void record(const Event&) override {}
};

class MigrationWorld {
 public:
  static constexpr auto kDownCost = std::chrono::seconds(7);

  MigrationWorld();
  Outcome reconcile() { return reconciler_.reconcile({key_, "r1", {}, {}}); }
  // A run whose process dies before its last status write.
  void reconcile_and_die();
  void edit(const std::function<void(MigrationVersionSpec&)>& change);
  void edit_status(const std::function<void(MigrationVersionStatus&)>& change);
  MigrationVersionStatus status() const;
  // "Reason: message" of a condition that is True, else empty.
  std::string condition(std::string_view type) const;

  SchemaHooks hooks;
  InspectorWithEffect inspector;
  RecordedMetrics metrics;

 private:
  const ObjectKey key_{Kind::kMigrationVersion, "default", "shop"};
  SimulatedClock clock_;
  simulation::SimulatedWorld world_;
  simulation::SimulatedSchemaDatabases simulated_{world_, clock_};
  HookedDatabases databases_{simulated_, hooks};
  simulation::SimulatedMigrationSource source_{world_};
  MemoryObjectStore store_{clock_};
  NoEvents events_;

 public:
  MigrationVersionStrategy strategy{{databases_, source_, inspector, metrics, clock_}};

 private:
  StrategyReconciler reconciler_{store_, strategy, events_, metrics, clock_};
};

}  // namespace ripcord
