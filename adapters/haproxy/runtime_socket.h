// SPDX-License-Identifier: Apache-2.0
#pragma once
// HAProxy's Runtime API: one command over one connection to a unix socket, within a deadline.
// A command is one line; text with a line break, a ';' or a control character is refused before
// anything is sent, so no caller can send a second command. Errors name
// spec.router.haproxy.socket: Unavailable (no socket, nobody listening, no answer in time),
// PermissionDenied, InvalidArgument (path too long). Stateless; safe for concurrent use.

#include "controller/base/clock.h"
#include "controller/base/status.h"

#include <string>

namespace ripcord::haproxy {

class RuntimeSocket {
 public:
  RuntimeSocket(std::string path, Duration timeout) : path_(std::move(path)), timeout_(timeout) {}

  // Everything HAProxy answers, without the empty line at its end.
  Result<std::string> send(const std::string& command) const;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  Duration timeout_;
};

// Who answers: "pid:start time" of the worker process, which a reload and a restart both change.
// FailedPrecondition (NotHaproxy) when the other side is something else.
Result<std::string> read_incarnation(const RuntimeSocket& socket);

}  // namespace ripcord::haproxy
