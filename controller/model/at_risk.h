// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a way down would destroy, counted in the real database, and where it is copied to first.
// Values.

#include "controller/base/clock.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ripcord {

enum class ArchiveFormat { kCsv, kCopyBinary };  // kCopyBinary: PostgreSQL only

struct ArchivePolicy {
  std::string directory;  // of the controller's file system
  ArchiveFormat format = ArchiveFormat::kCsv;

  bool operator==(const ArchivePolicy&) const = default;
};

struct DataAtRisk {
  std::int64_t version = 0;  // whose down destroys it
  // "column users.email", "table orders", "rows of carts"; and of those that a statement does not
  // name: "rows of items, by its foreign key items_order_id_fkey (ON DELETE CASCADE)".
  std::string what;
  // Rows that hold something: of a table or row set all rows, of a column those whose value is not
  // its default. Absent: could not be counted, `note` says why.
  std::optional<std::int64_t> rows;
  bool at_most = false;            // an upper bound: which rows exactly is not known before
  std::optional<WallTime> newest;  // of those rows, by the table's own times
  std::string note;
  std::string archive;  // the file that it was copied to (by foreign keys: its folder)

  bool operator==(const DataAtRisk&) const = default;
};

inline constexpr std::string_view kByForeignKey = ", by its foreign key ";
bool is_by_foreign_key(const DataAtRisk& risk);

// "column users.email: at most 1204 rows, the newest of 2026-01-15T12:00:00Z".
std::string describe(const DataAtRisk& risk);

}  // namespace ripcord
