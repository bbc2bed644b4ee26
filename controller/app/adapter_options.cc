// SPDX-License-Identifier: Apache-2.0
#include "controller/app/adapter.h"

#include <iostream>
#include <map>

#include <CLI/CLI.hpp>

namespace ripcord::app {

std::variant<AdapterOptions, int> parse_adapter_options(int argc, const char* const* argv) {
  CLI::App app(
      "Reads JSON messages from standard input, one a line, changes desired state, and writes "
      "each\n"
      "reply to standard output when the change is verified. Messages: rollback, disable_feature,\n"
      "switch_traffic, restore, init. With no option it rehearses in a simulated world.",
      "ripcord-adapter");
  AdapterOptions options;
  auto* manifests = app.add_option("--manifests", options.manifests,
                                   "Directory of YAML: drive the real systems it names, from this "
                                   "process; may be given more than once")
                        ->type_name("DIR")
                        ->check(CLI::ExistingDirectory);
  app.add_option("--server", options.server,
                 "Change desired state in a running Ripcord, e.g. http://127.0.0.1:8082")
      ->type_name("URL")
      ->excludes(manifests);
  app.add_option("--log-level", options.log_level, "debug, info, warning or error")
      ->type_name("LEVEL")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, LogLevel>{{"debug", LogLevel::kDebug},
                                                                  {"info", LogLevel::kInfo},
                                                                  {"warning", LogLevel::kWarning},
                                                                  {"error", LogLevel::kError}}))
      ->default_str("warning");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 1;
  }
  return options;
}

}  // namespace ripcord::app
