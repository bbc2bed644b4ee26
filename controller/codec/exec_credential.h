// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a credential plugin is told (KUBERNETES_EXEC_INFO) and what it prints:
// client.authentication.k8s.io/v1 ExecCredential. Pure; no message shows a value of the output.

#include "controller/base/clock.h"
#include "controller/base/status.h"

#include <optional>
#include <string>
#include <string_view>

namespace ripcord::codec {

struct ExecCredential {
  std::string token;
  std::string certificate_pem;  // with private_key_pem, or neither
  std::string private_key_pem;
  std::optional<WallTime> expires;
};

// InvalidArgument when it is no ExecCredential of `api_version`, or holds neither a token nor a
// certificate with its key.
Result<ExecCredential> decode_exec_credential(std::string_view json, std::string_view api_version);

struct ExecCluster {
  std::string server;
  std::string tls_server_name;
  bool insecure_skip_tls_verify = false;
  std::string ca_pem;
};
// `cluster`: only for a plugin that asked for it. Never interactive.
std::string encode_exec_info(std::string_view api_version,
                             const std::optional<ExecCluster>& cluster);

}  // namespace ripcord::codec
