// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/base64.h"

#include <cstdint>

namespace ripcord::codec {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

tl::unexpected<Status> not_base64() {
  return error(StatusCode::kInvalidArgument,
               "is no base64 (letters, digits, + and /, padded with = to a multiple of four)");
}

}  // namespace

std::string encode_base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view three = bytes.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (i < three.size() ? static_cast<unsigned char>(three[i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out += i <= three.size() ? kDigits[bits >> (18 - 6 * i) & 63] : '=';
    }
  }
  return out;
}

Result<std::string> decode_base64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  std::size_t digits = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r') {
      continue;
    }
    if (c == '=') {
      ++padding;
      continue;
    }
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos || padding != 0) {
      return not_base64();
    }
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    ++digits;
    if (digits % 4 != 1) {
      // 12, 18 or 24 bits of this group so far: the last whole byte of them.
      out += static_cast<char>(bits >> (8 - digits % 4 * 2) % 8 & 0xFF);
    }
  }
  if (digits % 4 == 1 || padding > 2 || (digits + padding) % 4 != 0) {
    return not_base64();
  }
  return out;
}

}  // namespace ripcord::codec
