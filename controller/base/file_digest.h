// SPDX-License-Identifier: Apache-2.0
#pragma once
// SHA-256 of a file, as 64 lower-case hex digits. Unavailable when it cannot be read; Cancelled on
// stop. Safe for concurrent use.

#include "controller/base/status.h"

#include <stop_token>
#include <string>

namespace ripcord {

Result<std::string> sha256_of_file(const std::string& path, const std::stop_token& stop);

}  // namespace ripcord
