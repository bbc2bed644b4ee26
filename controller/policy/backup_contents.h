// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether what was restored is what was backed up, and what the live database had more. Pure.

#include "controller/base/status.h"
#include "controller/model/backup_manifest.h"
#include "controller/model/restore_request.h"

#include <optional>
#include <string>
#include <vector>

namespace ripcord {

// FailedPrecondition (ContentsDiffer) names the tables, each with what differs.
Status compare_contents(const DatabaseContents& backed_up, const DatabaseContents& restored);

// The same for a server of `server_version`. One of another major version writes definitions in its
// own way, so then only rows and sums are compared.
Status compare_contents(const BackupManifest& manifest, const DatabaseContents& restored,
                        std::int64_t server_version);

// Puts the live counts beside those of the backup, by name; a table that only the live database has
// is added, with no rows. The number of rows that the live database has more, over all tables:
// at least so many were written since the backup.
std::int64_t compare_with_live(std::vector<TableRows>& backup, const std::vector<TableRows>& live);

// Says of each table whether its live rows are those backed up, by counts and sums. Those that
// differ come first.
void mark_differing(std::vector<TableRows>& tables, const DatabaseContents& backed_up,
                    const DatabaseContents& live);

// For a person: "public.users and 2 more tables: could not open file ..."; empty when there are
// none.
std::string told_uncounted(const std::vector<UncountedTable>& tables);

// For a person: "the live database has 3 rows more than the backup, and other rows in users".
// `more` is what compare_with_live() gave, `not_counted` what told_uncounted() gave; empty when
// nothing is known.
std::string written_since(const std::vector<TableRows>& tables, std::optional<std::int64_t> more,
                          const std::string& not_counted = {});

}  // namespace ripcord
