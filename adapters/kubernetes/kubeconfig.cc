// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/kubeconfig.h"

#include "adapters/kubernetes/text_file.h"

#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ripcord::kubernetes {
namespace {

tl::unexpected<Status> invalid(std::string why) {
  return error(StatusCode::kInvalidArgument, std::move(why), "InvalidKubeconfig");
}

void resolve(std::string& path, const std::filesystem::path& folder) {
  if (!path.empty() && std::filesystem::path(path).is_relative()) {
    path = (folder / path).lexically_normal().string();
  }
}

void resolve_paths(codec::Kubeconfig& config, const std::string& file) {
  const std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
  for (auto& [name, cluster] : config.clusters) {
    resolve(cluster.ca_file, folder);
  }
  for (auto& [name, user] : config.users) {
    resolve(user.token_file, folder);
    resolve(user.certificate_file, folder);
    resolve(user.key_file, folder);
    // A bare name is looked up in PATH.
    if (user.exec && user.exec->command.find('/') != std::string::npos) {
      resolve(user.exec->command, folder);
    }
  }
}

Result<codec::Kubeconfig> read_merged(const std::vector<std::string>& files) {
  codec::Kubeconfig merged;
  bool any = false;
  for (const std::string& file : files) {
    const Result<std::string> text = read_text_file(file);
    if (!text && text.error().code() == StatusCode::kNotFound) {
      continue;
    }
    if (!text) {
      return tl::unexpected<Status>(text.error());
    }
    ASSIGN_OR_RETURN(codec::Kubeconfig config, codec::decode_kubeconfig(*text, file));
    resolve_paths(config, file);
    any = true;
    merged.clusters.merge(config.clusters);  // keeps what is there
    merged.users.merge(config.users);
    merged.contexts.merge(config.contexts);
    if (merged.current_context.empty()) {
      merged.current_context = config.current_context;
    }
  }
  if (!any) {
    return error(StatusCode::kNotFound,
                 fmt::format("no kubeconfig at {}", fmt::join(files, " or ")));
  }
  return merged;
}

template <class T>
std::string names_of(const std::map<std::string, T>& named) {
  std::string all;
  for (const auto& [name, value] : named) {
    all += fmt::format("{}'{}'", all.empty() ? "" : ", ", name);
  }
  return all.empty() ? "none" : all;
}

template <class T>
Result<T> pick(const std::map<std::string, T>& named, const std::string& name,
               std::string_view what, const std::string& where) {
  if (const auto found = named.find(name); found != named.end()) {
    return found->second;
  }
  return invalid(
      fmt::format("{}: there is no {} '{}'; there is {}", where, what, name, names_of(named)));
}

bool is_loopback(std::string_view server) {
  for (const std::string_view host : {"http://127.", "http://localhost", "http://[::1]"}) {
    if (server.starts_with(host)) {
      return true;
    }
  }
  return false;
}

Status check(const ClusterAccess& access) {
  const auto refused = [&](std::string_view why) {
    return Status(StatusCode::kInvalidArgument, fmt::format("{}: {}", access.origin, why),
                  "InvalidKubeconfig");
  };
  const bool plain = access.server.starts_with("http://");
  if (!plain && !access.server.starts_with("https://")) {
    return refused(access.server.empty() ? "the cluster has no server"
                                         : "the server must start with https:// or http://");
  }
  if (access.server.find('@') != std::string::npos) {
    return refused("the server's URL must not hold a user name or password");
  }
  if (plain && !is_loopback(access.server) && (access.token.given() || access.exec)) {
    return refused("a token would be sent in plain text; use https:// for the server");
  }
  if (access.insecure_skip_verify && access.ca.given()) {
    return refused("certificate-authority and insecure-skip-tls-verify exclude each other");
  }
  if (access.certificate.given() != access.key.given()) {
    return refused("client-certificate and client-key come together or not at all");
  }
  return ok_status();
}

}  // namespace

Result<ClusterAccess> read_kubeconfig(const std::vector<std::string>& files,
                                      const std::string& context) {
  ASSIGN_OR_RETURN(const codec::Kubeconfig config, read_merged(files));
  const std::string& name = context.empty() ? config.current_context : context;
  const std::string where = fmt::format("{}", fmt::join(files, ":"));
  if (name.empty()) {
    return invalid(
        fmt::format("{}: current-context is not set; set it, or name a context; there is {}", where,
                    names_of(config.contexts)));
  }
  ClusterAccess access;
  access.origin = fmt::format("context '{}' of {}", name, where);
  ASSIGN_OR_RETURN(const codec::KubeContext picked, pick(config.contexts, name, "context", where));
  ASSIGN_OR_RETURN(const codec::KubeCluster cluster,
                   pick(config.clusters, picked.cluster, "cluster", access.origin));
  codec::KubeUser user;
  if (!picked.user.empty()) {
    ASSIGN_OR_RETURN(user, pick(config.users, picked.user, "user", access.origin));
  }
  for (const std::string& unsupported : {cluster.unsupported, user.unsupported}) {
    if (!unsupported.empty()) {
      return invalid(unsupported);
    }
  }
  access.server = cluster.server.substr(0, cluster.server.find_last_not_of('/') + 1);
  access.ns = picked.ns;
  // Data in the file wins over the path of another one, as with kubectl.
  const auto source = [](const std::string& text, const std::string& file) {
    return TextSource{text, text.empty() ? file : std::string()};
  };
  access.ca = source(cluster.ca_pem, cluster.ca_file);
  access.server_name = cluster.tls_server_name;
  access.insecure_skip_verify = cluster.insecure_skip_tls_verify;
  access.token = {user.token, user.token_file};
  access.certificate = source(user.certificate_pem, user.certificate_file);
  access.key = source(user.key_pem, user.key_file);
  access.exec = user.exec;
  RETURN_IF_ERROR(check(access));
  return access;
}

}  // namespace ripcord::kubernetes
