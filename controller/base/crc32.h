// SPDX-License-Identifier: Apache-2.0
#pragma once
// CRC-32 (IEEE 802.3) of bytes that come in pieces. Pure values.

#include <cstdint>
#include <string_view>

namespace ripcord {

class Crc32 {
 public:
  void update(std::string_view bytes);
  std::uint32_t value() const { return ~state_; }

 private:
  std::uint32_t state_ = 0xFFFFFFFFU;
};

}  // namespace ripcord
