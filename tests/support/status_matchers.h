// SPDX-License-Identifier: Apache-2.0
#pragma once
// ASSERT_OK / EXPECT_OK for Status and Result<T>, and a matcher for a code. Matchers say what came
// instead.

#include "controller/base/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {

inline void PrintTo(const Status& status, std::ostream* out) {
  *out << to_string(status);
}

inline const Status& status_of(const Status& status) {
  return status;
}
template <class T>
Status status_of(const Result<T>& result) {
  return result ? ok_status() : result.error();
}

}  // namespace ripcord

#define ASSERT_OK(expr)                                                   \
  do {                                                                    \
    const ::ripcord::Status ripcord_s = ::ripcord::status_of(expr);       \
    ASSERT_TRUE(ripcord_s.ok()) << #expr << ": " << to_string(ripcord_s); \
  } while (false)
#define EXPECT_OK(expr)                                                   \
  do {                                                                    \
    const ::ripcord::Status ripcord_s = ::ripcord::status_of(expr);       \
    EXPECT_TRUE(ripcord_s.ok()) << #expr << ": " << to_string(ripcord_s); \
  } while (false)
#define EXPECT_CODE(expr, want)                                                   \
  do {                                                                            \
    const ::ripcord::Status ripcord_s = ::ripcord::status_of(expr);               \
    EXPECT_EQ(::ripcord::to_string(ripcord_s.code()), ::ripcord::to_string(want)) \
        << #expr << ": " << to_string(ripcord_s);                                 \
  } while (false)
