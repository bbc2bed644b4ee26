// SPDX-License-Identifier: Apache-2.0
#pragma once
// The history of one database as a session that holds the locks follows it: read once, moved by the
// session's own steps, and compared between them by a count and the row of the last version, so
// that a thousand steps do not read a thousand rows each. Where that does not agree, or a tool's
// rows say more than that they are there, all of it is read. One thread at a time.

#include "controller/codec/migration_history.h"

#include <cstdint>
#include <optional>
#include <string>

namespace ripcord::codec {

class HistoryFollower {
 public:
  // What to ask the database next; its answer is for take().
  std::string look_sql(const MigrationHistory& history, const HistoryTable& table) const;
  // The same for a statement that is prepared once: with the key of the last version as $1, which
  // look_key() gives as SQL; without one where the history is always read whole.
  static std::string prepared_look_sql(const MigrationHistory& history, const HistoryTable& table);
  // Empty: look_sql() is none of these now.
  std::string look_key(const MigrationHistory& history) const;
  // False: something else has written to the table. Ask again: look_sql() reads all of it now.
  // Errors as those of MigrationHistory::read(); Conflict (reason VersionMismatch) when the version
  // is not where the session's last step left it.
  Result<bool> take(const MigrationHistory& history, const HistoryRows& rows);
  // As of the last take() that was true; moved on by follow().
  const AppliedVersions& versions() const { return versions_; }
  // What the table will hold when the step is committed.
  void follow(const MigrationHistory& history, const MigrationStep& step);
  // versions() is what the table holds, as long as nobody else has written.
  bool knows() const { return known_; }
  // The next look reads everything, and takes what it finds.
  void forget() {
    known_ = false;
    left_.reset();
  }

 private:
  bool is_brief(const MigrationHistory& history) const;

  AppliedVersions versions_;
  std::int64_t rows_ = 0;
  bool known_ = false;
  std::optional<std::int64_t> left_;  // where the last step left the version; -1 before the first
};

}  // namespace ripcord::codec
