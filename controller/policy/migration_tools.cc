// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/migration_tools.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord {
namespace {

bool goes_down(const MigrationPath& path) {
  return std::any_of(path.moves.begin(), path.moves.end(), [](const MigrationMove& move) {
    return move.step.direction == Direction::kDown;
  });
}

bool applied_as_it_is(const SchemaState& state, const Migration& repeatable) {
  return std::find(state.repeatables.begin(), state.repeatables.end(),
                   AppliedRepeatable{repeatable.name, repeatable.tool_checksum}) !=
         state.repeatables.end();
}

}  // namespace

bool tool_saw_another(const Migration* file, const AppliedMigration* record) {
  return file != nullptr && record != nullptr && !file->tool_checksum.empty() &&
         !record->tool_checksum.empty() && file->tool_checksum != record->tool_checksum;
}

void add_missing_files(const SchemaState& state,
                       const std::map<std::int64_t, const Migration*>& files, MigrationPath& path) {
  for (const AppliedMigration& applied : state.applied) {
    const bool baseline = !applied.previous && applied.up_digest.empty();
    if (files.empty() || applied.version > files.rbegin()->first || baseline || applied.down ||
        files.find(applied.version) != files.end()) {
      continue;
    }
    const std::string& name = applied.tool_file.empty() ? applied.name : applied.tool_file;
    path.drift.push_back(
        fmt::format("version {} is applied, but its file{}{} is missing and its undo is not "
                    "recorded; bring the file back",
                    applied.version, name.empty() ? "" : " ", name));
  }
}

void finish_for_tools(const SchemaState& state, const std::vector<const Migration*>& repeatables,
                      bool at_the_end, MigrationPath& path) {
  if (path.hold) {
    return;
  }
  if (at_the_end && !goes_down(path)) {
    for (const Migration* each : repeatables) {
      if (!applied_as_it_is(state, *each)) {
        path.moves.push_back({{Direction::kUp, *each, {}, path.target}, each->up_file, false});
      }
    }
  }
  for (const MigrationMove& move : path.moves) {
    const Migration& migration = move.step.migration;
    if (move.step.direction == Direction::kUp && state.history &&
        migration.layout != *state.history) {
      path.hold = Hold{
          "ForeignTable",
          fmt::format("{} is written for {}, but the database is kept by {}, whose table is there; "
                      "bring the migrations into {}'s layout, or move the table away when it is no "
                      "longer used",
                      move.origin, to_string(migration.layout), to_string(*state.history),
                      to_string(*state.history))};
      return;
    }
  }
}

}  // namespace ripcord
