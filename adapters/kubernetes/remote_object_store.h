// SPDX-License-Identifier: Apache-2.0
#pragma once
// ObjectStore over the Kubernetes resource API of a server: of a running Ripcord, or of a cluster.
// Every call is a request; nothing is cached. Thread-safe; the clients must outlive it. Errors are
// those of the port; Unavailable when the server does not answer.

#include "controller/codec/wire.h"
#include "controller/ports/http_client.h"
#include "controller/ports/object_store.h"

#include <string>

namespace ripcord::kubernetes {

class RemoteObjectStore final : public ObjectStore {
 public:
  // `server` is like "http://127.0.0.1:8082", without a path.
  RemoteObjectStore(HttpClient& client, HttpStreamClient& streams, std::string server);

  Result<ResourcePtr> get(const ObjectKey& key) const override;
  Result<ObjectList> list(Kind kind, std::optional<std::string> ns) const override;
  Result<std::unique_ptr<ObjectWatch>> watch(Kind kind, std::int64_t from_version) const override;
  Result<ResourcePtr> create(const Resource& object) override;
  Result<ResourcePtr> update(const Resource& object) override;
  Result<ResourcePtr> update_status(const Resource& object) override;
  Status remove(const ObjectKey& key, const Preconditions& preconditions) override;
  // The same, and what the server says of it.
  Result<codec::DecodedDeletion> removed(const ObjectKey& key, const Preconditions& preconditions);

 private:
  Result<std::string> exchange(HttpRequest request) const;
  Result<ResourcePtr> write(std::string method, const std::string& path,
                            const Resource& object) const;

  HttpClient& client_;
  HttpStreamClient& streams_;
  const std::string server_;
};

}  // namespace ripcord::kubernetes
