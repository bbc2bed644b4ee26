// SPDX-License-Identifier: Apache-2.0
#pragma once
// MigrationSource over a directory in golang-migrate's layout (3_add_total.up.sql,
// 3_add_total.down.sql) or over the migrations written in the manifest itself. Reads the files anew
// at every call. Other files and sub-directories are left alone. A version may have only one half.
// Fails with FailedPrecondition (no such directory), Unavailable (a file cannot be read) and
// InvalidArgument: a ConfigMap (OnlyOnKubernetes), and naming the file: duplicates, versions over
// 2^63-1, files over 8 MiB. Thread-safe, keeps no state.

#include "controller/ports/schema_database.h"

namespace ripcord::migrationdir {

class MigrationDirectory final : public MigrationSource {
 public:
  Result<std::vector<Migration>> load(const MigrationSourceRef& ref) override;
};

}  // namespace ripcord::migrationdir
