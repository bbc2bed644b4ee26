// SPDX-License-Identifier: Apache-2.0
#pragma once
// A store whose objects are "reconciled" by a script: after every change of desired state, a thread
// lets the script write the status. What the message adapter sees of a controller, without one.

#include "adapters/memory/object_store.h"

#include <atomic>
#include <functional>
#include <list>
#include <thread>

namespace ripcord {

class ScriptedController final : public ObjectStore {
 public:
  // Edits the status of the object; called in a thread of its own for each change.
  using Script = std::function<void(Resource&)>;

  ScriptedController(const Clock& clock, Script script)
      : store_(clock), script_(std::move(script)) {}

  Result<ResourcePtr> get(const ObjectKey& key) const override { return store_.get(key); }
  Result<ObjectList> list(Kind kind, std::optional<std::string> ns) const override {
    return store_.list(kind, std::move(ns));
  }
  Result<std::unique_ptr<ObjectWatch>> watch(Kind kind, std::int64_t version) const override {
    return store_.watch(kind, version);
  }
  Result<ResourcePtr> create(const Resource& object) override {
    return react(store_.create(object));
  }
  Result<ResourcePtr> update(const Resource& object) override {
    return react(store_.update(object));
  }
  Result<ResourcePtr> update_status(const Resource& object) override {
    return store_.update_status(object);
  }
  Status remove(const ObjectKey& key, const Preconditions& preconditions) override {
    return store_.remove(key, preconditions);
  }

  // What reconciles from now on.
  void follow(Script script) {
    MutexLock lock(mutex_);
    script_ = std::move(script);
  }

  // Spec changes so far, creations included.
  int changes() const { return changes_; }

 private:
  Result<ResourcePtr> react(Result<ResourcePtr> written) {
    if (written && common((*written)->status).observed_generation != (*written)->meta.generation) {
      ++changes_;
      const ObjectKey key = (*written)->key();
      MutexLock lock(mutex_);
      reconcilers_.emplace_back([this, key] {
        for (;;) {
          const Result<ResourcePtr> current = store_.get(key);
          if (!current) {
            return;
          }
          Resource object = **current;
          common(object.status).observed_generation = object.meta.generation;
          script()(object);
          if (store_.update_status(object)) {
            return;
          }
        }
      });
    }
    return written;
  }

  Script script() const {
    MutexLock lock(mutex_);
    return script_;
  }

  MemoryObjectStore store_;
  std::atomic<int> changes_ = 0;
  mutable Mutex mutex_;
  Script script_ GUARDED_BY(mutex_);
  std::list<std::jthread> reconcilers_ GUARDED_BY(mutex_);  // last: they use all of the above
};

}  // namespace ripcord
