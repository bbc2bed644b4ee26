// SPDX-License-Identifier: Apache-2.0
#pragma once
// Lets a standby do a leader's work in silence: flags are served by every replica, so each keeps
// its own evaluation table, but only the leader writes status, counts and tells. While not leading,
// status writes succeed without being sent, and samples and events are dropped. Thread-safe. What
// is passed in must outlive it.

#include "controller/ports/events.h"
#include "controller/ports/flag_files.h"
#include "controller/ports/metrics.h"
#include "controller/ports/object_store.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace ripcord::app {

class LeaderGate final : public ObjectStore, public EventSink, public MetricSink {
 public:
  LeaderGate(ObjectStore& store, EventSink& events, MetricSink& metrics,
             std::function<bool()> leads)
      : store_(store), events_(events), metrics_(metrics), leads_(std::move(leads)) {}

  Result<ResourcePtr> get(const ObjectKey& key) const override { return store_.get(key); }
  Result<ObjectList> list(Kind kind, std::optional<std::string> ns) const override {
    return store_.list(kind, std::move(ns));
  }
  Result<std::int64_t> each(Kind kind,
                            const std::function<void(const ResourcePtr&)>& take) const override {
    return store_.each(kind, take);
  }
  Result<std::unique_ptr<ObjectWatch>> watch(Kind kind, std::int64_t from_version) const override {
    return store_.watch(kind, from_version);
  }
  Result<ResourcePtr> create(const Resource& object) override { return store_.create(object); }
  Result<ResourcePtr> update(const Resource& object) override { return store_.update(object); }
  Result<ResourcePtr> update_status(const Resource& object) override {
    return leads_() ? store_.update_status(object)
                    : Result<ResourcePtr>(std::make_shared<const Resource>(object));
  }
  Status remove(const ObjectKey& key, const Preconditions& preconditions) override {
    return store_.remove(key, preconditions);
  }

  void record(const Event& event) override {
    if (leads_()) {
      events_.record(event);
    }
  }

  void add(const MetricDescriptor& counter, LabelValues labels, double delta) override {
    if (leads_()) {
      metrics_.add(counter, labels, delta);
    }
  }
  void set(const MetricDescriptor& gauge, LabelValues labels, double value) override {
    if (leads_()) {
      metrics_.set(gauge, labels, value);
    }
  }
  void observe(const MetricDescriptor& histogram, LabelValues labels, double value) override {
    if (leads_()) {
      metrics_.observe(histogram, labels, value);
    }
  }
  void remove(const MetricDescriptor& gauge, LabelValues labels) override {
    metrics_.remove(gauge, labels);
  }

 private:
  ObjectStore& store_;
  EventSink& events_;
  MetricSink& metrics_;
  const std::function<bool()> leads_;
};

// The same for the files that flags are written to: each replica knows them, the leader writes.
class LeaderFlagFiles final : public FlagFileStore {
 public:
  LeaderFlagFiles(FlagFileStore& files, std::function<bool()> leads)
      : files_(files), leads_(std::move(leads)) {}

  Result<bool> write(const FlagFilesPlace& place,
                     const std::map<std::string, FlagFile>& files) override {
    return leads_() ? files_.write(place, files)
                    : Result<bool>(error(StatusCode::kCancelled, "another replica leads"));
  }

 private:
  FlagFileStore& files_;
  const std::function<bool()> leads_;
};

}  // namespace ripcord::app
