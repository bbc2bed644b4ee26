// SPDX-License-Identifier: Apache-2.0
#include "controller/app/log_level.h"

#include <map>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace ripcord::app {

void add_log_level(CLI::App& app, LogLevel& level) {
  static const std::map<std::string, LogLevel> kLevels = {{"debug", LogLevel::kDebug},
                                                          {"info", LogLevel::kInfo},
                                                          {"warning", LogLevel::kWarning},
                                                          {"error", LogLevel::kError}};
  std::string standard;
  for (const auto& [name, value] : kLevels) {
    standard = value == level ? name : standard;
  }
  app.add_option_function<std::string>(
         "--log-level", [&level](const std::string& name) { level = kLevels.at(name); },
         "The least of what is logged")
      ->option_text(fmt::format("debug|info|warning|error ({})", standard))
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
}

}  // namespace ripcord::app
