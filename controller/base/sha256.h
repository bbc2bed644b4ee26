// SPDX-License-Identifier: Apache-2.0
#pragma once
// SHA-256 of bytes, as 64 lower-case hex digits. Pure, thread-safe.

#include <string>
#include <string_view>

namespace ripcord {

std::string sha256_hex(std::string_view bytes);

}  // namespace ripcord
