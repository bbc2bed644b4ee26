// SPDX-License-Identifier: Apache-2.0
#pragma once
// The option --log-level, the same for both binaries.

#include "controller/base/log.h"

namespace CLI {
class App;
}

namespace ripcord::app {

// `level` has the default and is set by parsing; it must outlive the parsing.
void add_log_level(CLI::App& app, LogLevel& level);

}  // namespace ripcord::app
