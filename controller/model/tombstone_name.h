// SPDX-License-Identifier: Apache-2.0
#pragma once
// How a contract calls what it puts aside. Pure.

#include <cstdint>
#include <string>
#include <string_view>

namespace ripcord {

inline constexpr std::string_view kTombstonePrefix = "zz_ripcord_";

// "zz_ripcord_7_email", at most 63 bytes of whole UTF-8 characters. What is cut ends in eight
// digits of the whole name's sha256, so that two long names do not meet. `attempt` above 1 gives
// other names, for when one is taken.
std::string tombstone_name(std::int64_t version, std::string_view name, int attempt = 1);

}  // namespace ripcord
