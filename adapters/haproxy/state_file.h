// SPDX-License-Identifier: Apache-2.0
#pragma once
// HAProxy's server-state file (`server-state-file` with `load-server-state-from-file global`): what
// a reload takes weights and states from. Replaced atomically, so HAProxy and a crash see the old
// file or the new one. A file that exists and is something else is never overwritten. Errors name
// spec.router.haproxy.stateFile.

#include "controller/base/status.h"

#include <string>

namespace ripcord::haproxy {

// Its text; empty when there is no file yet. FailedPrecondition when it is something else.
Result<std::string> read_state_file(const std::string& path);

Status write_state_file(const std::string& path, const std::string& text);

}  // namespace ripcord::haproxy
