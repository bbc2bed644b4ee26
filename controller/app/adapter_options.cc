// SPDX-License-Identifier: Apache-2.0
#include "controller/app/adapter.h"
#include "controller/app/commands.h"
#include "controller/app/log_level.h"
#include "controller/app/manifest_directory.h"

#include <iostream>

#include <CLI/CLI.hpp>

namespace ripcord::app {

std::variant<AdapterOptions, int> parse_adapter_options(int argc, const char* const* argv) {
  CLI::App app(
      "Reads JSON messages from standard input, one a line, changes desired state, and writes "
      "each\n"
      "reply to standard output when the change is verified. Messages: rollback, disable_feature,\n"
      "switch_traffic, restore, init. With no option it rehearses in a simulated world.",
      "ripcord-adapter");
  app.set_version_flag("--version", "ripcord-adapter " + version());
  AdapterOptions options;
  auto* manifests = app.add_option("--manifests", options.manifests,
                                   "Directory of YAML: drive the real systems it names, from this "
                                   "process; may be given more than once")
                        ->option_text("DIR ...")
                        ->allow_extra_args(false)
                        ->check(manifest_directory_problem);
  auto* server =
      app.add_option("--server", options.server,
                     "Change desired state in a running Ripcord, e.g. http://127.0.0.1:8082")
          ->option_text("URL")
          ->excludes(manifests);
  app.add_option("--kubeconfig", options.kubeconfig,
                 "Change desired state in the cluster, or the Ripcord with tokens and TLS, that "
                 "this file names")
      ->option_text("FILE")
      ->excludes(manifests)
      ->excludes(server);
  add_log_level(app, options.log_level);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 1;
  }
  return options;
}

}  // namespace ripcord::app
