// SPDX-License-Identifier: Apache-2.0
#pragma once
// What one SQL statement does, as far as its text tells: which locks it takes and for what, what it
// loses, whether the release before it goes on working. Values; found by an SqlInspector.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord {

// PostgreSQL's table locks, weakest first.
enum class LockMode {
  kAccessShare,
  kRowShare,
  kRowExclusive,
  kShareUpdateExclusive,
  kShare,
  kShareRowExclusive,
  kExclusive,
  kAccessExclusive,
};
std::string_view to_string(LockMode mode);  // "ACCESS EXCLUSIVE"

// What is done to the whole table while the lock is held.
enum class TableWork { kNone, kScan, kRewrite };

struct TakenLock {
  LockMode mode = LockMode::kAccessShare;
  std::string relation;  // as the statement names it, without "public."
  TableWork work = TableWork::kNone;

  bool operator==(const TakenLock&) const = default;
};

// Something that cannot be brought back by running the other direction.
struct DataLoss {
  enum class What { kRows, kColumn, kTable, kSequence, kSchema, kDatabase, kOther };
  What what = What::kOther;
  std::string relation;  // kOther: what it is, in words
  std::string column{};  // kColumn
  // Of kRows: these columns are written over; with `keeps_rows` that is all, no row goes away.
  std::vector<std::string> overwrites{};
  bool keeps_rows = false;  // of kColumn: it stays, its values become those of another type
  // Of kRows: it is about exactly the rows for which this holds when the script begins. Absent: it
  // cannot be told which ones.
  std::optional<std::string> where{};
  // Of kRows, of TRUNCATE ... CASCADE: all rows of every table that refers to it go too, and so on.
  bool cascades = false;

  bool operator==(const DataLoss&) const = default;
};
std::string to_string(const DataLoss& loss);  // "column users.email", "rows of users"
// Each thing once; rows of one table are one thing.
void add_loss(std::vector<DataLoss>& losses, DataLoss loss);

// Locks on relations that the same script made are left out: nobody waits for them.
struct SqlEffects {
  bool additive = false;  // only adds: nothing that was there is changed or gone
  std::vector<TakenLock> locks{};
  std::vector<DataLoss> loses{};
  std::string breaks_previous{};  // why the release before cannot go on; empty = it can
  std::string unknown{};          // why it cannot be told what it does; empty = it can
  // Nothing but DROP TABLE or DROP COLUMN of what `loses` names; without CASCADE.
  bool only_drops = false;
  bool neutral = false;  // leaves nothing behind: SET and its like
  std::string once{};    // why it cannot be run a second time, with what to write; empty = it can

  bool operator==(const SqlEffects&) const = default;
};

// Others stop while it runs: readers, or writers for as long as a scan or a rewrite takes.
bool blocks(const TakenLock& lock);

// One line for people: "ACCESS EXCLUSIVE on users (rewrite); loses column users.email; ...".
std::string describe(const SqlEffects& effects);

}  // namespace ripcord
