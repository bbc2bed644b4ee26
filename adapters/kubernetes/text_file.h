// SPDX-License-Identifier: Apache-2.0
#pragma once
// A small text file at once: configuration, a token, certificates.

#include "controller/base/status.h"

#include <string>

namespace ripcord::kubernetes {

// NotFound when there is no such file; FailedPrecondition when it cannot be read or is larger than
// 4 MiB.
Result<std::string> read_text_file(const std::string& path);

// Without white space at both ends.
std::string trimmed(const std::string& text);

}  // namespace ripcord::kubernetes
