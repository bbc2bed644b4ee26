// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a backup holds, written beside it when it is made: enough to find, before anything is
// loaded, that it was changed since, and after loading, that every row came back. Values.

#include "controller/base/clock.h"
#include "controller/model/database.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ripcord {

struct TableContents {
  std::string table;  // "public.users"
  std::int64_t rows = 0;
  std::string sum;     // of a hash of each row, decimal: the order of the rows does not matter
  std::string schema;  // digest of columns, constraints, indexes, triggers and grants

  bool operator==(const TableContents&) const = default;
};

struct DatabaseContents {
  std::string schema;  // digest of what is no table: views, functions, types, sequences ...
  std::vector<TableContents> tables;  // sorted by name

  bool operator==(const DatabaseContents&) const = default;
};

struct BackupFile {
  std::string path;  // inside the backup's directory; empty: the backup is this file
  std::int64_t bytes = 0;
  std::string sha256;

  bool operator==(const BackupFile&) const = default;
};

struct BackupManifest {
  std::string name;
  Engine engine = Engine::kPostgreSql;
  std::string format;     // "custom", "directory", "sqlite"
  std::string database;   // its name, never its URL
  WallTime started_at{};  // the contents are of this moment
  WallTime ended_at{};
  std::string lsn;  // at started_at; empty: SQLite
  std::string made_by;
  std::string tool;                 // "pg_dump (PostgreSQL) 15.4"
  std::string server;               // "15.4"
  std::int64_t server_version = 0;  // 150004; as the engine counts
  std::int64_t database_bytes = 0;
  std::vector<std::string> extensions;
  std::vector<std::string> roles;  // owners, and those who hold grants
  DatabaseContents contents;
  std::vector<BackupFile> files;

  bool operator==(const BackupManifest&) const = default;
};

// `<backup>.manifest.json` beside the backup.
inline constexpr std::string_view kManifestEnding = ".manifest.json";

}  // namespace ripcord
