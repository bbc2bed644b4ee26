// SPDX-License-Identifier: Apache-2.0
#pragma once
// The Kubernetes resource API over an ObjectStore, for unmodified clients: discovery, OpenAPI v3,
// tables, paging, selectors, watches, patches, server-side apply with field ownership, dry runs and
// field validation of our kinds, under /apis/ripcord.dev/v1alpha1; events and namespaces to read.
// Thread-safe; what it is given must outlive it. Failures are metav1.Status bodies in the words of
// the real server.

#include "controller/base/clock.h"
#include "controller/codec/api_catalog.h"
#include "controller/ports/http_service.h"
#include "controller/ports/object_store.h"

#include <memory>
#include <string>

namespace ripcord::apiserver {

class EventRing;
struct ServiceState;

class ResourceService final : public HttpService {
 public:
  // `version` is what `kubectl version` shows. Without `events` there are none to read.
  ResourceService(ObjectStore& store, const Clock& clock, codec::ApiCatalog catalog,
                  std::string version, const EventRing* events = nullptr);
  ~ResourceService() override;
  ServedResponse serve(const ServedRequest& request) override;

 private:
  const std::unique_ptr<ServiceState> state_;
};

}  // namespace ripcord::apiserver
