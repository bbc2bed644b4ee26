// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a path owes to the tool that the migrations are written for and whose history is in the
// database: its repeatable migrations, its checksums, its table. Pure.

#include "controller/policy/migration_version.h"

#include <map>
#include <vector>

namespace ripcord {

// The tool's own checksum in the database differs from that of the file.
bool tool_saw_another(const Migration* file, const AppliedMigration* record);

// Reports versions below the last file that are applied and have neither file nor recorded undo.
void add_missing_files(const SchemaState& state,
                       const std::map<std::int64_t, const Migration*>& files, MigrationPath& path);

// Holds a path whose ups are written for another tool than the one whose table is there; else
// adds the repeatable migrations that changed, when the path ends at the last version and does not
// go down.
void finish_for_tools(const SchemaState& state, const std::vector<const Migration*>& repeatables,
                      bool at_the_end, MigrationPath& path);

}  // namespace ripcord
