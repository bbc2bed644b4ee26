// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the CRDs say about our kinds: schema, names, printer columns, selectable fields. Read once;
// immutable, so copies share it and any thread may use it. The other api_*.h work on it.

#include "controller/base/status.h"
#include "controller/model/resource.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord::codec {

struct CatalogParts;  // private to the codec

class ApiCatalog {
 public:
  // From the text of the CRDs, one of each kind. InvalidArgument says which is missing or broken.
  static Result<ApiCatalog> create(const std::vector<std::string_view>& crds);

  const std::vector<std::string>& selectable_fields(Kind kind) const;  // "spec.key"
  // The value of such a field as a field selector compares it; empty when there is none.
  std::string field_value(const Resource& object, std::string_view field) const;

  const CatalogParts& parts() const { return *parts_; }

 private:
  explicit ApiCatalog(std::shared_ptr<const CatalogParts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const CatalogParts> parts_;
};

// The discovery documents of the resource API. `aggregated`: as APIGroupDiscoveryList v2.
std::string api_paths();                                     // /
std::string api_versions();                                  // /api
std::string api_group_list(const ApiCatalog& catalog);       // /apis
std::string api_group(std::string_view name);                // /apis/ripcord.dev
std::string api_resource_list(const ApiCatalog& catalog);    // /apis/ripcord.dev/v1alpha1
std::string core_resource_list();                            // /api/v1
std::string event_resource_list();                           // /apis/events.k8s.io/v1
std::string aggregated_core();                               // /api
std::string aggregated_groups(const ApiCatalog& catalog);    // /apis
std::string version_document(std::string_view git_version);  // /version

// OpenAPI v3: the index names the one document with a hash of its text, so that clients may cache.
struct OpenApi {
  std::string index;
  std::string document;
  std::string hash;
};
OpenApi open_api(const ApiCatalog& catalog);

}  // namespace ripcord::codec
