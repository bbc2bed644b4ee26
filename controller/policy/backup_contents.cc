// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/backup_contents.h"

#include <algorithm>
#include <map>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ripcord {
namespace {

constexpr std::size_t kNamed = 10;

std::string difference(const TableContents& backed_up, const TableContents& restored) {
  if (backed_up.rows != restored.rows) {
    return fmt::format("{} has {} rows instead of {}", restored.table, restored.rows,
                       backed_up.rows);
  }
  if (backed_up.sum != restored.sum) {
    return fmt::format("{} has other rows than were backed up", restored.table);
  }
  return fmt::format("{} has other columns, constraints, indexes, triggers or grants",
                     restored.table);
}

}  // namespace

Status compare_contents(const DatabaseContents& backed_up, const DatabaseContents& restored) {
  std::map<std::string, const TableContents*> left;
  for (const TableContents& table : restored.tables) {
    left[table.table] = &table;
  }
  std::vector<std::string> differences;
  for (const TableContents& table : backed_up.tables) {
    const auto found = left.find(table.table);
    if (found == left.end()) {
      differences.push_back(table.table + " is missing");
      continue;
    }
    if (*found->second != table) {
      differences.push_back(difference(table, *found->second));
    }
    left.erase(found);
  }
  for (const auto& [name, table] : left) {
    differences.push_back(name + " was not backed up");
  }
  if (backed_up.schema != restored.schema) {
    differences.emplace_back("views, functions, types or sequences are not those backed up");
  }
  if (differences.empty()) {
    return {};
  }
  const std::size_t shown = std::min(differences.size(), kNamed);
  std::string text =
      fmt::format("what was restored is not what was backed up: {}",
                  fmt::join(differences.begin(),
                            differences.begin() + static_cast<std::ptrdiff_t>(shown), "; "));
  if (differences.size() > shown) {
    text += fmt::format("; and {} more", differences.size() - shown);
  }
  return {StatusCode::kFailedPrecondition, std::move(text), "ContentsDiffer"};
}

Status compare_contents(const BackupManifest& manifest, const DatabaseContents& restored,
                        std::int64_t server_version) {
  const bool same_major = manifest.engine != Engine::kPostgreSql ||
                          manifest.server_version / 10000 == server_version / 10000;
  if (same_major) {
    return compare_contents(manifest.contents, restored);
  }
  const auto rows_alone = [](DatabaseContents contents) {
    contents.schema.clear();
    for (TableContents& table : contents.tables) {
      table.schema.clear();
    }
    return contents;
  };
  return compare_contents(rows_alone(manifest.contents), rows_alone(restored));
}

std::int64_t compare_with_live(std::vector<TableRows>& backup, const std::vector<TableRows>& live) {
  std::int64_t more = 0;
  for (const TableRows& table : live) {
    auto found = std::find_if(backup.begin(), backup.end(),
                              [&](const TableRows& known) { return known.table == table.table; });
    if (found == backup.end()) {
      found = backup.insert(backup.end(), TableRows{table.table, 0});
    }
    found->live_rows = table.rows;
    more += std::max<std::int64_t>(table.rows - found->rows, 0);
  }
  return more;
}

}  // namespace ripcord
