// SPDX-License-Identifier: Apache-2.0
#include "controller/model/tombstone_name.h"

#include "controller/base/sha256.h"

namespace ripcord {
namespace {

constexpr std::size_t kMostBytes = 63;  // PostgreSQL's limit
constexpr std::size_t kDigits = 8;

bool inside_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

}  // namespace

std::string tombstone_name(std::int64_t version, std::string_view name, int attempt) {
  std::string whole = std::string(kTombstonePrefix) + std::to_string(version) + "_";
  whole += name;
  const std::string end = attempt > 1 ? "_" + std::to_string(attempt) : "";
  if (whole.size() + end.size() <= kMostBytes) {
    return whole + end;
  }
  const std::string tail = "_" + sha256_hex(whole).substr(0, kDigits) + end;
  std::size_t cut = kMostBytes - tail.size();
  while (inside_character(whole[cut])) {
    --cut;
  }
  return whole.substr(0, cut) + tail;
}

}  // namespace ripcord
