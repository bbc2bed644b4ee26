// SPDX-License-Identifier: Apache-2.0
#pragma once
// One value of a core/v1 Secret. A pure function.

#include "controller/base/status.h"

#include <string>
#include <string_view>

namespace ripcord::codec {

// FailedPrecondition (SecretKeyNotFound) when it has no such key; Internal when the body is no
// Secret. No message shows anything of the body.
Result<std::string> decode_secret_value(std::string_view body, const std::string& key);

}  // namespace ripcord::codec
