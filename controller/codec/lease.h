// SPDX-License-Identifier: Apache-2.0
#pragma once
// coordination.k8s.io/v1 Lease as text. Pure functions, thread-safe.

#include "controller/base/clock.h"
#include "controller/base/status.h"

#include <optional>
#include <string>
#include <string_view>

namespace ripcord::codec {

struct LeaseRecord {
  std::string holder;  // empty: released
  int duration_seconds = 0;
  std::optional<WallTime> acquired;
  std::optional<WallTime> renewed;
  int transitions = 0;
  std::string resource_version;  // empty: does not exist yet

  bool operator==(const LeaseRecord&) const = default;
};

// Times as MicroTime, which takes exactly six fractional digits.
std::string encode_lease(std::string_view ns, std::string_view name, const LeaseRecord& record);
Result<LeaseRecord> decode_lease(std::string_view body);

}  // namespace ripcord::codec
