// SPDX-License-Identifier: Apache-2.0
#pragma once
// Single objects of a cluster, one request a call, for drivers that need few of them. Nothing is
// kept or listed across a namespace.
//
// Errors name the object, and for a missing right the verb and resource to grant:
//   FailedPrecondition (<Kind>NotFound)  it is not there, or the cluster does not know its kind
//   PermissionDenied (MissingRight)
//   Conflict                             somebody wrote in between
//   others as codec::decode_status and HttpClient say.
// No message shows anything that an object holds. Thread-safe when the client is.

#include "adapters/kubernetes/write_fence.h"
#include "controller/ports/http_client.h"

#include <string>
#include <string_view>

namespace ripcord::kubernetes {

// A cluster to work in: the client adds credentials and sends writes only as the leader.
struct ClusterReach {
  HttpClient& client;
  std::string server;                   // "https://10.0.0.1:6443", without a slash at the end
  HttpStreamClient* streams = nullptr;  // for those who follow objects
  const WriteFence* fence = nullptr;    // whose leadership is marked on what is written
};

struct ApiKind {
  std::string_view kind;   // "Service"
  std::string_view group;  // "/api/v1", "/apis/discovery.k8s.io/v1"
  std::string_view resource;
};
inline constexpr ApiKind kServices{"Service", "/api/v1", "services"};
inline constexpr ApiKind kEndpointSlices{"EndpointSlice", "/apis/discovery.k8s.io/v1",
                                         "endpointslices"};
inline constexpr ApiKind kHttpRoutes{"HTTPRoute", "/apis/gateway.networking.k8s.io/v1",
                                     "httproutes"};
inline constexpr ApiKind kSecrets{"Secret", "/api/v1", "secrets"};
inline constexpr ApiKind kConfigMaps{"ConfigMap", "/api/v1", "configmaps"};

// As a Role names it: "endpointslices.discovery.k8s.io".
std::string full_resource(const ApiKind& kind);

struct ApiName {
  ApiKind kind;
  std::string ns;
  std::string name;
};
std::string to_string(const ApiName& name);  // "Service shop/web"

enum class PatchType { kMerge, kJson };

class ApiObjects {
 public:
  explicit ApiObjects(ClusterReach reach) : reach_(std::move(reach)) {}

  // The JSON text of the object.
  Result<std::string> get(const ApiName& name) const;
  // Of those in `ns` that the selector picks.
  Result<std::string> list(const ApiKind& kind, const std::string& ns,
                           const std::string& label_selector) const;
  // As field manager "ripcord"; the object after it.
  Result<std::string> patch(const ApiName& name, PatchType type, std::string body) const;
  // Server-side, taking over what others hold; makes the object when it is not there.
  Result<std::string> apply(const ApiName& name, std::string_view manager, std::string body) const;

  // The mark of this leadership; empty when nobody is elected.
  std::string leadership() const;
  // For an object that was read with this mark and version: true when it is marked as it should be.
  // Else the mark is written, and false: what was read does not hold any more, read again.
  Result<bool> is_marked(const ApiName& name, const std::string& mark,
                         const std::string& version) const;

 private:
  ClusterReach reach_;
};

}  // namespace ripcord::kubernetes
