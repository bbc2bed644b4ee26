// SPDX-License-Identifier: Apache-2.0
#include "controller/base/crc32.h"

namespace ripcord {

void Crc32::update(std::string_view bytes) {
  for (const char byte : bytes) {
    state_ ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      state_ = (state_ >> 1U) ^ ((state_ & 1U) != 0 ? 0xEDB88320U : 0U);
    }
  }
}

}  // namespace ripcord
