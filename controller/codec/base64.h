// SPDX-License-Identifier: Apache-2.0
#pragma once
// Base64 of RFC 4648 with padding. Pure functions.

#include "controller/base/status.h"

#include <string>
#include <string_view>

namespace ripcord::codec {

std::string encode_base64(std::string_view bytes);
// Line breaks are skipped. InvalidArgument for anything else that is no base64; the message shows
// nothing of the text.
Result<std::string> decode_base64(std::string_view text);

}  // namespace ripcord::codec
