// SPDX-License-Identifier: Apache-2.0
#pragma once
// CommandRunner over fork and exec: its own process group, standard input from /dev/null, the ends
// of standard output and error kept, killed with all its children when this process dies, be it by
// SIGKILL. Stateless; safe for concurrent use. (posix_spawn cannot ask for the parent-death
// signal.)

#include "controller/base/clock.h"
#include "controller/ports/command.h"

namespace ripcord {

class ChildRunner final : public CommandRunner {
 public:
  // After a stop request: SIGTERM to the group, and SIGKILL when it is still there after `grace`.
  explicit ChildRunner(Duration grace = std::chrono::seconds(5)) : grace_(grace) {}
  Result<CommandOutcome> run(const Command& command, std::stop_token stop) override;

 private:
  Duration grace_;
};

// The full path of a program: as given when it has a slash, else the first match in `directories`,
// then in PATH. NotFound names where was looked.
Result<std::string> find_program(const std::string& name,
                                 const std::vector<std::string>& directories = {});

}  // namespace ripcord
