// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/exec_credential.h"

#include "controller/base/time_text.h"
#include "controller/codec/base64.h"
#include "controller/codec/documents.h"

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

tl::unexpected<Status> refused(std::string why) {
  return error(StatusCode::kInvalidArgument, std::move(why));
}

Status take_text(const Node& map, std::string_view name, std::string& out) {
  const Node* const found = map.find(name);
  if (found == nullptr || found->is_null()) {
    return ok_status();
  }
  if (found->type != Node::Type::kString) {
    return Status(StatusCode::kInvalidArgument, fmt::format("{} is no text", name));
  }
  out = found->text;
  return ok_status();
}

}  // namespace

Result<ExecCredential> decode_exec_credential(std::string_view json, std::string_view api_version) {
  const Documents documents = read_documents(json, true);
  if (!documents.problems.empty() || documents.roots.size() != 1 ||
      !documents.roots.front().is_map()) {
    return refused("the output is no JSON object");
  }
  const Node& root = documents.roots.front();
  std::string kind;
  std::string version;
  RETURN_IF_ERROR(take_text(root, "kind", kind));
  RETURN_IF_ERROR(take_text(root, "apiVersion", version));
  if (kind != "ExecCredential" || version != api_version) {
    return refused(fmt::format("the output is no ExecCredential of {}", api_version));
  }
  const Node* const status = root.find("status");
  if (status == nullptr || !status->is_map()) {
    return refused("the output has no status");
  }
  ExecCredential credential;
  std::string expires;
  RETURN_IF_ERROR(take_text(*status, "token", credential.token));
  RETURN_IF_ERROR(take_text(*status, "clientCertificateData", credential.certificate_pem));
  RETURN_IF_ERROR(take_text(*status, "clientKeyData", credential.private_key_pem));
  RETURN_IF_ERROR(take_text(*status, "expirationTimestamp", expires));
  if (credential.certificate_pem.empty() != credential.private_key_pem.empty()) {
    return refused("clientCertificateData and clientKeyData come together or not at all");
  }
  if (credential.token.empty() && credential.certificate_pem.empty()) {
    return refused("the output has neither a token nor a client certificate");
  }
  if (!expires.empty()) {
    const Result<WallTime> time = parse_time(expires);
    if (!time) {
      return refused("expirationTimestamp is no RFC 3339 time");
    }
    credential.expires = *time;
  }
  return credential;
}

std::string encode_exec_info(std::string_view api_version,
                             const std::optional<ExecCluster>& cluster) {
  Node spec = Node::map();
  spec.set("interactive", Node::boolean_of(false));
  if (cluster) {
    Node about = Node::map();
    about.set("server", Node::string_of(cluster->server));
    if (!cluster->tls_server_name.empty()) {
      about.set("tls-server-name", Node::string_of(cluster->tls_server_name));
    }
    if (cluster->insecure_skip_tls_verify) {
      about.set("insecure-skip-tls-verify", Node::boolean_of(true));
    }
    if (!cluster->ca_pem.empty()) {
      about.set("certificate-authority-data", Node::string_of(encode_base64(cluster->ca_pem)));
    }
    spec.set("cluster", std::move(about));
  }
  Node root = Node::map();
  root.set("apiVersion", Node::string_of(std::string(api_version)));
  root.set("kind", Node::string_of("ExecCredential"));
  root.set("spec", std::move(spec));
  return to_json(root);
}

}  // namespace ripcord::codec
