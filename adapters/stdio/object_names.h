// SPDX-License-Identifier: Apache-2.0
#pragma once
// Names of objects made from what people send: any text becomes a DNS label that keeps what can be
// read of it and cannot collide with that of another text. Pure.

#include <string>
#include <string_view>

namespace ripcord::stdio {

// `text` itself when it is a DNS label of at most 40 bytes; otherwise what is left of it in lower
// case with dashes, and 16 hex digits of its FNV-1a hash: "new-checkout-1b2c...".
std::string object_name(std::string_view text);
// Likewise, but always with the hash, which covers `salt` too.
std::string object_name(std::string_view text, std::string_view salt);

}  // namespace ripcord::stdio
