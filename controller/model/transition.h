// SPDX-License-Identifier: Apache-2.0
#pragma once
// From one shape of the data to the next while releases with both are running: what happens between
// the migration that adds the new shape (expand) and the one that removes the old one (contract).
// Values.
//
//   expand applied -> sync: a trigger keeps both shapes equal -> backfill: old rows, batch by batch
//     -> validations hold -> contract may run: it removes the trigger and the old shape

#include "controller/base/clock.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord {

// Two columns of one table that hold the same thing. A write of either writes the other, by an SQL
// expression over the columns of the row; empty: the value as it is.
struct TransitionSync {
  std::string table;
  std::string old_column;
  std::string new_column;
  std::string to_new;
  std::string to_old;

  bool operator==(const TransitionSync&) const = default;
};

// UPDATE table SET set WHERE where, in batches of `batch_size` rows by ascending `key`, each with
// its cursor in one transaction.
struct TransitionBackfill {
  std::string table;
  std::string set;    // "email_address = email"
  std::string where;  // which rows still need it; empty: all
  std::string key;    // a column that is unique and never NULL
  std::int32_t batch_size = 10000;
  Duration max_lag = std::chrono::seconds(10);  // of the slowest replica; it waits above that
  Duration pause = Duration::zero();            // after each batch

  bool operator==(const TransitionBackfill&) const = default;
};

// What must hold before the contract: one of not_null, pattern and query.
struct TransitionValidation {
  std::string table;   // with not_null and pattern
  std::string column;  // likewise
  bool not_null = false;
  std::string pattern;  // every value that is not NULL matches this regular expression
  std::string query;    // gives one number, min and max of which are allowed
  std::optional<std::int64_t> min;
  std::optional<std::int64_t> max;

  bool operator==(const TransitionValidation&) const = default;
};

struct Transition {
  std::string name;                      // unique in its object
  std::int64_t expand = 0;               // begins when this version is applied
  std::optional<std::int64_t> contract;  // ends before this version is; absent: not planned yet
  std::optional<TransitionSync> sync;
  std::optional<TransitionBackfill> backfill;
  std::vector<TransitionValidation> validations;

  bool operator==(const Transition&) const = default;
};

// Where a transition is:
//
//   Waiting -> Backfilling -> Validating -> Complete -> Contracted
//                  \_____________\----> Failed (a person has to act; the sync goes on)
//
// Going down below `expand` leads back to Waiting.
enum class TransitionPhase { kWaiting, kBackfilling, kValidating, kComplete, kContracted, kFailed };
std::string_view to_string(TransitionPhase phase);  // "Waiting", ...

struct TransitionStatus {
  std::string name;
  TransitionPhase phase = TransitionPhase::kWaiting;
  bool syncing = false;         // the trigger is there
  std::int64_t rows = 0;        // changed by the backfill
  std::int64_t rows_total = 0;  // the server's estimate; 0: not known
  double rows_per_second = 0;   // of the run that is under way
  std::optional<double> eta_seconds;
  std::string message;  // what it waits for, or what is wrong

  bool operator==(const TransitionStatus&) const = default;
};

}  // namespace ripcord
