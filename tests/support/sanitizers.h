// SPDX-License-Identifier: Apache-2.0
#pragma once
// How much of a long random test a build runs. Sanitized code is ten and more times slower, and
// what a sanitizer looks for shows in far fewer histories than a logic error does. Pure, cannot
// fail, safe from any thread.

#include <cstdint>

namespace ripcord {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

// `rounds`, or a fiftieth of them (at least one) in a sanitized build.
constexpr std::uint64_t affordable(std::uint64_t rounds) {
  return !kSanitized ? rounds : rounds < 50 ? 1 : rounds / 50;
}

}  // namespace ripcord
