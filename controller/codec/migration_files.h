// SPDX-License-Identifier: Apache-2.0
#pragma once
// Migrations in golang-migrate's layout: 3_add_total.up.sql, 3_add_total.down.sql, wherever such
// files are. Pure values, for one thread. Failures are InvalidArgument (BadMigration) and name the
// file.

#include "controller/base/status.h"
#include "controller/model/migration_version.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ripcord::codec {

inline constexpr std::uintmax_t kMaxMigrationBytes = 8 * 1024 * 1024;

struct MigrationFileName {
  std::int64_t version = 0;
  std::string name;  // "add_total"
  bool up = false;
};

// Nothing for a file that is no migration; a version over 2^63-1 fails.
Result<std::optional<MigrationFileName>> parse_migration_name(const std::string& file);

class MigrationFiles {
 public:
  // Files in the order of their names; a version's half that is there already fails.
  Status add(const std::string& file, const MigrationFileName& name, std::string script);
  // Ascending by version.
  std::vector<Migration> take();

 private:
  std::map<std::int64_t, Migration> all_;
};

}  // namespace ripcord::codec
