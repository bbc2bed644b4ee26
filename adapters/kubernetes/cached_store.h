// SPDX-License-Identifier: Apache-2.0
#pragma once
// ObjectStore over an API server that reads from memory: one reflector a kind keeps a mirror,
// writes go to the server.
//
// - A read shows the process's own writes and removals at once, before the watch brings them. After
// a Conflict the object is read
//   from the server, so the next attempt is not made from the same old copy.
// - Reads and watches of a kind fail with Unavailable until its first list is complete; each kind
// by itself. Afterwards
//   they are answered from what is known, also while the server is away.
// - A watch delivers per object no version older than one it delivered before; an object that a
// later list does not
//   have any more is delivered as deleted, in its last known state.
// Thread-safe. Everything passed in must outlive it.

#include "adapters/kubernetes/reflector.h"
#include "adapters/kubernetes/remote_object_store.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace ripcord::kubernetes {

struct CachedStoreOptions {
  std::string server;       // "https://10.0.0.1:443"
  std::string ns;           // the only namespace to follow; empty = all
  bool watches_crd = true;  // see ReflectorOptions
};

class CachedStore final : public ObjectStore {
 public:
  // Follows from now on, on a thread a kind, until destroyed.
  CachedStore(HttpClient& client, HttpStreamClient& streams, CachedStoreOptions options,
              Clock& clock, MetricSink& metrics, const Logger& log);
  ~CachedStore() override;

  struct KindState {
    Kind kind = Kind::kFeatureFlag;
    std::size_t objects = 0;
    Reflector::State follows;
  };
  // In the order of kAllKinds.
  std::vector<KindState> state() const;

  Result<ResourcePtr> get(const ObjectKey& key) const override;
  Result<ObjectList> list(Kind kind, std::optional<std::string> ns) const override;
  Result<std::int64_t> each(Kind kind,
                            const std::function<void(const ResourcePtr&)>& take) const override;
  Result<std::unique_ptr<ObjectWatch>> watch(Kind kind, std::int64_t from_version) const override;
  Result<ResourcePtr> create(const Resource& object) override;
  Result<ResourcePtr> update(const Resource& object) override;
  Result<ResourcePtr> update_status(const Resource& object) override;
  Status remove(const ObjectKey& key, const Preconditions& preconditions) override;

 private:
  class Mirror;
  Mirror& mirror(Kind kind) const { return *mirrors_.at(static_cast<std::size_t>(kind)); }
  Result<ResourcePtr> written(const ObjectKey& key, Result<ResourcePtr> result);

  RemoteObjectStore remote_;
  std::vector<std::unique_ptr<Mirror>> mirrors_;  // one a kind
};

}  // namespace ripcord::kubernetes
