// SPDX-License-Identifier: Apache-2.0
#pragma once
// A driver calls its trace before and after every effect it has on the outside ("before COMMIT",
// "after COMMIT"). The controller logs it at debug level; fault tests count the points and kill the
// process at each of them.

#include <functional>
#include <string_view>

namespace ripcord {

using Trace = std::function<void(std::string_view point)>;  // may be empty

inline void trace_point(const Trace& trace, std::string_view point) {
  if (trace) {
    trace(point);
  }
}

}  // namespace ripcord
