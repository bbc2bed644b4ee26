// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/history_follower.h"

#include "controller/codec/migration_history_tools.h"

#include <fmt/format.h>

namespace ripcord::codec {

namespace {

std::string brief_sql(const MigrationHistory& history, const HistoryTable& table,
                      const std::string& key) {
  return fmt::format("SELECT count(*), count(CASE WHEN {} = {} THEN 1 END) FROM {}",
                     history.key_column(), key, table.quoted);
}

}  // namespace

bool HistoryFollower::is_brief(const MigrationHistory& history) const {
  return known_ && !history.key_column().empty();
}

std::string HistoryFollower::look_sql(const MigrationHistory& history,
                                      const HistoryTable& table) const {
  if (!is_brief(history)) {
    return history.select_sql(table);
  }
  if (versions_.entries.empty()) {
    return fmt::format("SELECT count(*), 1 FROM {}", table.quoted);
  }
  return brief_sql(history, table, look_key(history));
}

std::string HistoryFollower::prepared_look_sql(const MigrationHistory& history,
                                               const HistoryTable& table) {
  return history.key_column().empty() ? history.select_sql(table) : brief_sql(history, table, "$1");
}

std::string HistoryFollower::look_key(const MigrationHistory& history) const {
  return is_brief(history) && !versions_.entries.empty() ? sql_text(versions_.entries.back().key)
                                                         : std::string();
}

Result<bool> HistoryFollower::take(const MigrationHistory& history, const HistoryRows& rows) {
  if (is_brief(history)) {
    const bool as_expected =
        rows.size() == 1 && history_number(rows[0][0]) == rows_ && history_number(rows[0][1]) == 1;
    known_ = as_expected;
    return as_expected;
  }
  ASSIGN_OR_RETURN(versions_, history.read(rows));
  rows_ = std::ssize(rows);
  known_ = true;
  const std::int64_t at = versions_.version().value_or(-1);
  if (left_ && !versions_.dirty && at != *left_) {
    known_ = false;  // and so it is refused until forget()
    return error(StatusCode::kConflict,
                 fmt::format("the database is at version {} by now, not at {}, where the last step "
                             "left it: something else changes it",
                             at, *left_),
                 "VersionMismatch");
  }
  return true;
}

void HistoryFollower::follow(const MigrationHistory& history, const MigrationStep& step) {
  std::vector<AppliedEntry>& entries = versions_.entries;
  const std::int64_t version = step.migration.version;
  left_ = step.version_after.value_or(-1);
  if (versions_.only_last) {
    entries.clear();
    if (step.version_after) {
      entries.push_back({*step.version_after, std::to_string(*step.version_after), "", false});
    }
    return;
  }
  if (!is_brief(history)) {
    known_ = false;
    return;
  }
  const bool above = entries.empty() || entries.back().version < version;
  const bool last = !entries.empty() && entries.back().version == version;
  const bool up = step.direction == Direction::kUp;
  if (step.migration.repeatable || (up ? !above : !last)) {
    forget();
  } else if (up) {
    entries.push_back({version, history.key_of(step.migration), "", false});
    ++rows_;
  } else {
    entries.pop_back();
    --rows_;
  }
}

}  // namespace ripcord::codec
