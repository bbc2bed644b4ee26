// SPDX-License-Identifier: Apache-2.0
#pragma once
// MigrationSource over a directory in the layout of golang-migrate, dbmate, goose, Flyway,
// sql-migrate or Atlas, or over the migrations written in the manifest itself. Whose it is, is told
// from names and annotations (layout.h); annotations mean what they mean there. Reads the files
// anew at every call. Other files are left alone, sub-directories too, except Flyway's. Fails with
// FailedPrecondition (no such directory), Unavailable (a file cannot be read) and InvalidArgument:
// a ConfigMap (OnlyOnKubernetes), and naming the file: duplicates, versions over 2^63-1, files over
// 8 MiB, what atlas.sum does not cover (ChecksumMismatch), two layouts at once (AmbiguousLayout),
// what cannot be followed. Thread-safe, keeps no state.

#include "controller/ports/schema_database.h"

namespace ripcord::migrationdir {

class MigrationDirectory final : public MigrationSource {
 public:
  Result<std::vector<Migration>> load(const MigrationSourceRef& ref) override;
};

}  // namespace ripcord::migrationdir
