// SPDX-License-Identifier: Apache-2.0
#include "adapters/stdio/object_names.h"

#include <cstdint>

#include <fmt/format.h>

namespace ripcord::stdio {
namespace {

constexpr std::size_t kReadable = 40;

bool is_label_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// Lower case, every run of other bytes one dash, no dash at the ends; may be empty.
std::string slug(std::string_view text) {
  std::string out;
  for (const char raw : text) {
    const char c = raw >= 'A' && raw <= 'Z' ? static_cast<char>(raw - 'A' + 'a') : raw;
    if (is_label_byte(c)) {
      out += c;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
    if (out.size() == kReadable) {
      break;
    }
  }
  while (!out.empty() && out.back() == '-') {
    out.pop_back();
  }
  return out;
}

std::uint64_t fnv1a(std::string_view text, std::uint64_t hash = 14695981039346656037ULL) {
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }
  return hash;
}

std::string with_hash(std::string_view text, std::uint64_t hash) {
  const std::string readable = slug(text);
  return fmt::format("{}-{:016x}", readable.empty() ? "object" : readable, hash);
}

}  // namespace

std::string object_name(std::string_view text) {
  // A text that looks like a name with a hash gets one of its own, or it could be another's name.
  const bool hashed = text.size() > 17 && text[text.size() - 17] == '-';
  return !text.empty() && slug(text) == text && !hashed ? std::string(text)
                                                        : with_hash(text, fnv1a(text));
}

std::string object_name(std::string_view text, std::string_view salt) {
  return with_hash(text, fnv1a(salt, fnv1a(text) ^ 0x9E3779B97F4A7C15ULL));
}

}  // namespace ripcord::stdio
