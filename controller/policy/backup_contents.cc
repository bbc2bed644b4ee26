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

std::string compared(const std::vector<TableRows>& tables, std::optional<std::int64_t> more) {
  const bool all_compared = std::any_of(tables.begin(), tables.end(), [](const TableRows& table) {
    return table.differs.has_value();
  });
  std::vector<std::string> differing;
  for (const TableRows& table : tables) {
    if (table.differs.value_or(false)) {
      differing.push_back(table.table);
    }
  }
  if (all_compared && differing.empty()) {
    return "the live database has the rows of the backup";
  }
  std::vector<std::string> found;
  if (more.value_or(0) > 0) {
    found.push_back(fmt::format("{} rows more than the backup", *more));
  }
  if (!differing.empty()) {
    const std::size_t shown = std::min(differing.size(), kNamed);
    const std::size_t left = differing.size() - shown;
    differing.resize(shown);
    found.push_back(fmt::format("other rows in {}{}", fmt::join(differing, ", "),
                                left == 0 ? "" : fmt::format(" and {} more tables", left)));
  }
  return found.empty() ? "" : fmt::format("the live database has {}", fmt::join(found, ", and "));
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

void mark_differing(std::vector<TableRows>& tables, const DatabaseContents& backed_up,
                    const DatabaseContents& live) {
  const auto find = [](const DatabaseContents& contents, const std::string& name) {
    return std::find_if(contents.tables.begin(), contents.tables.end(),
                        [&](const TableContents& table) { return table.table == name; });
  };
  for (TableRows& table : tables) {
    const auto now = find(live, table.table);
    if (now == live.tables.end()) {
      continue;
    }
    const auto then = find(backed_up, table.table);
    const bool same = then == backed_up.tables.end()
                          ? now->rows == 0
                          : then->rows == now->rows && then->sum == now->sum;
    table.differs = !same;
  }
  std::stable_partition(tables.begin(), tables.end(),
                        [](const TableRows& table) { return table.differs.value_or(false); });
}

std::string told_uncounted(const std::vector<UncountedTable>& tables) {
  if (tables.empty()) {
    return "";
  }
  const std::size_t more = tables.size() - 1;
  return fmt::format("{}{}: {:.300}", tables.front().table,
                     more == 0 ? "" : fmt::format(" and {} more tables", more), tables.front().why);
}

std::string written_since(const std::vector<TableRows>& tables, std::optional<std::int64_t> more,
                          const std::string& not_counted) {
  std::string told = compared(tables, more);
  if (!not_counted.empty()) {
    told += fmt::format("{}what was written since is not known of {}", told.empty() ? "" : "; ",
                        not_counted);
  }
  return told;
}

}  // namespace ripcord
