// SPDX-License-Identifier: Apache-2.0
#pragma once
// The Kubernetes resource API over an ObjectStore: discovery, get, list, watch, create, update,
// merge patch, delete and the status subresource of our kinds, under /apis/ripcord.dev/v1alpha1.
// Thread-safe; the store must outlive it. Failures are metav1.Status bodies. What kubectl needs
// beyond this (tables, server-side apply, OpenAPI) is not served here.

#include "controller/ports/http_service.h"
#include "controller/ports/object_store.h"

#include <string>

namespace ripcord::apiserver {

class ResourceService final : public HttpService {
 public:
  ResourceService(ObjectStore& store, std::string version)
      : store_(store), version_(std::move(version)) {}
  ServedResponse serve(const ServedRequest& request) override;

 private:
  ObjectStore& store_;
  const std::string version_;
};

}  // namespace ripcord::apiserver
