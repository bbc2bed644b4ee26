// SPDX-License-Identifier: Apache-2.0
#pragma once
// What must hold for every input of the codec, however broken. A pure function.

#include <string>
#include <string_view>

namespace ripcord {

// Empty, or what does not hold. It must not throw, hang or crash for any bytes.
std::string codec_violation(std::string_view text, const std::string& file);

}  // namespace ripcord
