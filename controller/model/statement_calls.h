// SPDX-License-Identifier: Apache-2.0
#pragma once
// How often statements that name a shape have been called, as a database counts them. Values.

#include "controller/base/clock.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ripcord {

struct StatementCalls {
  std::string id;    // the database's own; the same statement has the same
  std::string text;  // constants replaced
  std::int64_t calls = 0;

  bool operator==(const StatementCalls&) const = default;
};

struct CallCounts {
  std::vector<StatementCalls> statements;
  std::string epoch;        // another one: the counts began anew
  std::string unavailable;  // why nothing can be counted; empty = it can

  bool operator==(const CallCounts&) const = default;
};

struct WatchedStatement : StatementCalls {
  // When it was last found called, by how many calls, and when the look before that was.
  std::optional<WallTime> read_at{};
  std::int64_t more = 0;
  WallTime since{};

  bool operator==(const WatchedStatement&) const = default;
};

// What is remembered between two looks, in the database itself.
struct WatchedCalls {
  std::string subject;  // what is watched for; another one: watched from the start
  std::string epoch;
  WallTime started_at{};
  WallTime looked_at{};
  std::vector<WatchedStatement> statements;

  bool operator==(const WatchedCalls&) const = default;
};

}  // namespace ripcord
