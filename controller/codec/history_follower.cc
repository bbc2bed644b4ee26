// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/history_follower.h"

#include "controller/codec/migration_history_tools.h"

#include <fmt/format.h>

namespace ripcord::codec {

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
  return fmt::format("SELECT count(*), count(CASE WHEN {} = {} THEN 1 END) FROM {}",
                     history.key_column(), sql_text(versions_.entries.back().key), table.quoted);
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
  return true;
}

AppliedVersions HistoryFollower::last() const {
  AppliedVersions last;
  last.only_last = true;
  last.dirty = versions_.dirty;
  last.dirty_detail = versions_.dirty_detail;
  last.repeatables = versions_.repeatables;
  if (!versions_.entries.empty()) {
    last.entries = {versions_.entries.back()};
  }
  return last;
}

void HistoryFollower::follow(const MigrationHistory& history, const MigrationStep& step) {
  if (!is_brief(history)) {
    return;
  }
  std::vector<AppliedEntry>& entries = versions_.entries;
  const std::int64_t version = step.migration.version;
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
