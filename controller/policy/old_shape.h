// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether anybody still reads what a contract drops, from the counts of two looks and more. A
// statement that was called between two looks may have been called right before the second. Pure.

#include "controller/model/statement_calls.h"

#include <optional>
#include <string>

namespace ripcord {

// What to remember after this look. `counts` are of the statements that name `subject`. The watch
// starts anew without a look before it, for another subject, and when the counts began anew.
WatchedCalls look_again(const std::optional<WatchedCalls>& before, const CallCounts& counts,
                        const std::string& subject, WallTime now);

// Since when nobody is known to have read it.
WallTime quiet_since(const WatchedCalls& watched);

// The statements that were read after `from`, for people: "`SELECT ...` 12 calls between T and T";
// empty when none was. At most five.
std::string readers_after(const WatchedCalls& watched, WallTime from);

}  // namespace ripcord
