// SPDX-License-Identifier: Apache-2.0
#pragma once
// The text of one kubeconfig file -> what it says. Unknown fields are passed over, as kubectl does;
// wrong types, broken base64 and names used twice are InvalidArgument, with file, line and field.
// No message shows a value. Pure; paths are as written.

#include "controller/base/status.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ripcord::codec {

struct KubeCluster {
  std::string server;
  std::string ca_file;
  std::string ca_pem;
  std::string tls_server_name;
  bool insecure_skip_tls_verify = false;
  std::string unsupported;  // "file:line: field: why", when it asks for what we do not do
};

struct KubeExec {
  std::string api_version;
  std::string command;
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;
  std::string install_hint;
  bool provide_cluster_info = false;
};

struct KubeUser {
  std::string token;
  std::string token_file;
  std::string certificate_file;
  std::string certificate_pem;
  std::string key_file;
  std::string key_pem;
  std::optional<KubeExec> exec;
  std::string unsupported;
};

struct KubeContext {
  std::string cluster;
  std::string user;
  std::string ns;
};

struct Kubeconfig {
  std::string current_context;
  std::map<std::string, KubeCluster> clusters;
  std::map<std::string, KubeUser> users;
  std::map<std::string, KubeContext> contexts;
};

// `file` is only used in errors. An empty file says nothing and is no error.
Result<Kubeconfig> decode_kubeconfig(std::string_view text, const std::string& file);

}  // namespace ripcord::codec
