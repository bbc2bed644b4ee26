// SPDX-License-Identifier: Apache-2.0
#pragma once
// The name of a leadership on an object of a cluster that its leader writes. A leader leaves it
// there before it decides anything, which gives the object a new version; what an earlier leader
// decided holds the version or the mark from before, so the server refuses it however late it
// arrives. Pure, thread-safe.

#include <string>
#include <string_view>

namespace ripcord::codec {

inline constexpr std::string_view kLeaderMark = "ripcord.dev/led-by";  // an annotation

// A merge patch; refused by the server when the object has another version by now.
std::string encode_leader_mark(std::string_view leadership, std::string_view resource_version);

}  // namespace ripcord::codec
