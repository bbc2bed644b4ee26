// SPDX-License-Identifier: Apache-2.0
#pragma once
// Running a tool of somebody else (pg_restore, psql): an argument vector, never a shell. Secrets go
// through the environment of the child, never through its arguments. Safe for concurrent use.

#include "controller/base/status.h"

#include <cstddef>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace ripcord {

struct Command {
  std::vector<std::string> argv;  // argv[0] is a path, or a name looked up in PATH
  std::vector<std::pair<std::string, std::string>> env;  // added to ours, replacing same names
  std::size_t keep_output = 64 * 1024;                   // of each stream, its last bytes are kept
};

struct CommandOutcome {
  int exit_code = 0;  // 128 + signal when a signal ended it
  std::string out;
  std::string err;
};

class CommandRunner {
 public:
  virtual ~CommandRunner() = default;
  // Returns when the command has ended, whatever its exit code. NotFound when there is no such
  // program; Cancelled when `stop` was requested: the command and its children are then gone.
  virtual Result<CommandOutcome> run(const Command& command, std::stop_token stop) = 0;
};

}  // namespace ripcord
