// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/old_shape.h"

#include "controller/base/time_text.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr std::size_t kMostNamed = 5;
constexpr std::size_t kMostRemembered = 200;  // beyond those that the database still counts
constexpr std::size_t kShown = 160;           // characters of a statement

const WatchedStatement* find(const WatchedCalls& watched, const std::string& id) {
  const auto at = std::find_if(watched.statements.begin(), watched.statements.end(),
                               [&](const auto& each) { return each.id == id; });
  return at == watched.statements.end() ? nullptr : &*at;
}

WatchedStatement compared(const StatementCalls& now_counted, const WatchedCalls& before,
                          WallTime now) {
  WatchedStatement statement{now_counted, {}, 0, {}};
  const WatchedStatement* was = find(before, now_counted.id);
  if (was != nullptr && was->calls == now_counted.calls) {
    statement.read_at = was->read_at;
    statement.more = was->more;
    statement.since = was->since;
    return statement;
  }
  // Fewer than before: its own count began anew.
  const std::int64_t seen = was != nullptr && was->calls < now_counted.calls ? was->calls : 0;
  statement.more = now_counted.calls - seen;
  if (statement.more > 0) {
    statement.read_at = now;
    statement.since = before.looked_at;
  }
  return statement;
}

std::string shown(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\t' || c == '\r'; }, ' ');
  if (text.size() <= kShown) {
    return text;
  }
  std::size_t cut = kShown;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) {
    --cut;
  }
  return text.substr(0, cut) + " ...";
}

}  // namespace

WatchedCalls look_again(const std::optional<WatchedCalls>& before, const CallCounts& counts,
                        const std::string& subject, WallTime now) {
  WatchedCalls after{subject, counts.epoch, now, now, {}};
  const bool goes_on = before && before->subject == subject && before->epoch == counts.epoch;
  if (goes_on) {
    after.started_at = before->started_at;
  }
  for (const StatementCalls& statement : counts.statements) {
    after.statements.push_back(goes_on ? compared(statement, *before, now)
                                       : WatchedStatement{statement, {}, 0, {}});
  }
  if (!goes_on) {
    return after;
  }
  // The database forgets rare statements: those that were called stay known.
  const std::size_t most = after.statements.size() + kMostRemembered;
  for (const WatchedStatement& was : before->statements) {
    if (was.read_at && find(after, was.id) == nullptr && after.statements.size() < most) {
      after.statements.push_back(was);
      after.statements.back().calls = 0;
    }
  }
  return after;
}

WallTime quiet_since(const WatchedCalls& watched) {
  WallTime since = watched.started_at;
  for (const WatchedStatement& statement : watched.statements) {
    since = std::max(since, statement.read_at.value_or(since));
  }
  return since;
}

std::string readers_after(const WatchedCalls& watched, WallTime from) {
  std::string text;
  std::size_t count = 0;
  for (const WatchedStatement& statement : watched.statements) {
    if (!statement.read_at || *statement.read_at <= from) {
      continue;
    }
    if (++count <= kMostNamed) {
      text +=
          fmt::format("{}`{}` ({} {} between {} and {})", text.empty() ? "" : "; ",
                      shown(statement.text), statement.more, statement.more == 1 ? "call" : "calls",
                      format_time(statement.since), format_time(*statement.read_at));
    }
  }
  return count > kMostNamed ? fmt::format("{}; and {} more", text, count - kMostNamed) : text;
}

}  // namespace ripcord
