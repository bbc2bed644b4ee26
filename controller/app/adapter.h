// SPDX-License-Identifier: Apache-2.0
#pragma once
// ripcord-adapter: JSON messages on standard input, replies on standard output, diagnostics on
// standard error. Where the messages take effect is chosen by the options.

#include "controller/base/log.h"

#include <stop_token>
#include <string>
#include <variant>
#include <vector>

namespace ripcord::app {

// At most one of the three is set; with none, the messages take effect in the simulated world that
// is compiled in.
struct AdapterOptions {
  std::vector<std::string> manifests;  // directories: real drivers, in this process
  std::string server;                  // URL of the resource API of a running Ripcord
  std::string kubeconfig;              // the same by a file: with credentials, or a cluster
  LogLevel log_level = LogLevel::kWarning;
};

// What to do, or the exit code when the command line already had its answer (help: 0, an error: 1).
std::variant<AdapterOptions, int> parse_adapter_options(int argc, const char* const* argv);

// Until the end of the input or `stop`. 0; or 1 with the reason on standard error.
int run_adapter(const AdapterOptions& options, std::stop_token stop);

}  // namespace ripcord::app
