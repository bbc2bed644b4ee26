// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/api_objects.h"

#include "controller/codec/leader_mark.h"
#include "controller/codec/wire.h"
#include "controller/model/validation.h"

#include <utility>

#include <fmt/format.h>

namespace ripcord::kubernetes {
namespace {

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       (byte >= '0' && byte <= '9') || c == '-' || c == '.' || c == '_';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return out;
}

// The manifest's rules keep such names out; this keeps them out of a path whoever calls.
Status check_name(const ApiName& name) {
  if (is_dns_subdomain(name.ns) && is_dns_subdomain(name.name)) {
    return ok_status();
  }
  return {StatusCode::kInvalidArgument,
          fmt::format("{}: this is no name of an object in a cluster", to_string(name))};
}

std::string path_of(const ApiKind& kind, const std::string& ns) {
  return fmt::format("{}/namespaces/{}/{}", kind.group, ns, kind.resource);
}

tl::unexpected<Status> refused(const ApiKind& kind, const std::string& what, std::string_view verb,
                               const std::string& ns, const HttpResponse& response) {
  const Status status = codec::decode_status(response.status, response.body);
  switch (status.code()) {
    case StatusCode::kNotFound:
      return error(StatusCode::kFailedPrecondition,
                   fmt::format("{}: it is not there ({}); create it, or correct its name", what,
                               status.message()),
                   fmt::format("{}NotFound", kind.kind));
    case StatusCode::kPermissionDenied:
      return error(StatusCode::kPermissionDenied,
                   fmt::format("{}: Ripcord may not {} it; grant its service account the verb {} "
                               "on {} in namespace {}",
                               what, verb, verb, full_resource(kind), ns),
                   "MissingRight");
    default:
      return tl::unexpected<Status>(status.annotated(what));
  }
}

Result<std::string> exchange(const ClusterReach& reach, HttpRequest request, const ApiKind& kind,
                             const std::string& what, std::string_view verb,
                             const std::string& ns) {
  request.url = reach.server + request.url;
  request.headers["accept"] = "application/json";
  Result<HttpResponse> response = reach.client.send(request);
  if (!response) {
    return tl::unexpected<Status>(response.error().annotated(what));
  }
  if (response->status < 200 || response->status > 299) {
    return refused(kind, what, verb, ns, *response);
  }
  return std::move(response->body);
}

}  // namespace

std::string full_resource(const ApiKind& kind) {
  const std::size_t start = kind.group.find('/', 1) + 1;
  const std::string_view group = kind.group.starts_with("/apis/")
                                     ? kind.group.substr(start, kind.group.rfind('/') - start)
                                     : std::string_view();
  return group.empty() ? std::string(kind.resource) : fmt::format("{}.{}", kind.resource, group);
}

std::string to_string(const ApiName& name) {
  return fmt::format("{} {}/{}", name.kind.kind, name.ns, name.name);
}

Result<std::string> ApiObjects::get(const ApiName& name) const {
  RETURN_IF_ERROR(check_name(name));
  return exchange(reach_, {.url = path_of(name.kind, name.ns) + "/" + name.name}, name.kind,
                  to_string(name), "get", name.ns);
}

Result<std::string> ApiObjects::list(const ApiKind& kind, const std::string& ns,
                                     const std::string& label_selector) const {
  RETURN_IF_ERROR(check_name({kind, ns, "list"}));
  return exchange(reach_,
                  {.url = path_of(kind, ns) + "?labelSelector=" + percent_encoded(label_selector)},
                  kind, fmt::format("{}s of namespace {}", kind.kind, ns), "list", ns);
}

Result<std::string> ApiObjects::patch(const ApiName& name, PatchType type, std::string body) const {
  RETURN_IF_ERROR(check_name(name));
  HttpRequest request{
      .method = "PATCH",
      .url = path_of(name.kind, name.ns) + "/" + name.name + "?fieldManager=ripcord",
      .body = std::move(body)};
  request.headers["content-type"] =
      type == PatchType::kMerge ? "application/merge-patch+json" : "application/json-patch+json";
  return exchange(reach_, std::move(request), name.kind, to_string(name), "patch", name.ns);
}

Result<std::string> ApiObjects::apply(const ApiName& name, std::string_view manager,
                                      std::string body) const {
  RETURN_IF_ERROR(check_name(name));
  HttpRequest request{.method = "PATCH",
                      .url = fmt::format("{}/{}?fieldManager={}&force=true",
                                         path_of(name.kind, name.ns), name.name, manager),
                      .body = std::move(body)};
  request.headers["content-type"] = "application/apply-patch+yaml";
  return exchange(reach_, std::move(request), name.kind, to_string(name), "patch", name.ns);
}

std::string ApiObjects::leadership() const {
  return reach_.fence != nullptr ? reach_.fence->leadership() : std::string();
}

Result<bool> ApiObjects::is_marked(const ApiName& name, const std::string& mark,
                                   const std::string& version) const {
  const std::string ours = leadership();
  if (ours.empty() || mark == ours) {
    return true;
  }
  const auto written = patch(name, PatchType::kMerge, codec::encode_leader_mark(ours, version));
  if (!written && written.error().code() != StatusCode::kConflict) {
    return tl::unexpected<Status>(written.error());
  }
  return false;
}

}  // namespace ripcord::kubernetes
