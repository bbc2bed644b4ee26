// SPDX-License-Identifier: Apache-2.0
#include "adapters/backupdir/new_backup.h"
#include "adapters/postgres/backup_source.h"
#include "adapters/process/child_runner.h"
#include "adapters/sqlite/backup_source.h"
#include "controller/app/commands.h"
#include "controller/base/time_text.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iostream>

#include <fmt/format.h>

namespace ripcord::app {
namespace {

bool is_url(const std::string& text) {
  return text.starts_with("postgres://") || text.starts_with("postgresql://");
}

// Arguments are there for everybody on the machine to read.
bool holds_password(const std::string& url) {
  const std::size_t host = url.find("://") + 3;
  const std::size_t query = url.find('?', host);
  const std::size_t at = url.substr(0, query).rfind('@');
  const bool in_user =
      at != std::string::npos && url.substr(host, at - host).find(':') != std::string::npos;
  return in_user ||
         (query != std::string::npos && url.find("password", query) != std::string::npos);
}

Result<DatabaseRef> database_of(const BackupOptions& options) {
  DatabaseRef ref;
  ref.url_env = options.database_env;
  ref.url_file = options.database_file;
  if (options.database.empty()) {
    return ref;
  }
  if (!is_url(options.database)) {
    if (options.database.find("://") != std::string::npos) {
      return error(StatusCode::kInvalidArgument,
                   "--database: is no postgresql:// URL and no path of an SQLite file");
    }
    ref.engine = Engine::kSqlite;
    ref.path = options.database;
    return ref;
  }
  if (holds_password(options.database)) {
    return error(StatusCode::kInvalidArgument,
                 "--database: holds a password, which everybody on this machine could read; use "
                 "--database-env or --database-file");
  }
  ref.url = options.database;
  return ref;
}

std::string default_name(const BackupManifest& manifest) {
  std::string name;
  for (const char c : std::filesystem::path(manifest.database).stem().string()) {
    name += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ? c : '_';
  }
  std::string time = format_time(manifest.started_at);
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  return name + "_" + time;
}

void print(const BackupManifest& manifest, const std::string& path) {
  std::size_t width = 5;
  for (const TableContents& table : manifest.contents.tables) {
    width = std::max(width, table.table.size());
  }
  std::int64_t rows = 0, bytes = 0;
  std::cout << fmt::format("{:<{}}  {:>14}  SUM\n", "TABLE", width, "ROWS");
  for (const TableContents& table : manifest.contents.tables) {
    std::cout << fmt::format("{:<{}}  {:>14}  {}\n", table.table, width, table.rows, table.sum);
    rows += table.rows;
  }
  for (const BackupFile& file : manifest.files) {
    bytes += file.bytes;
  }
  std::cout << fmt::format("{}: {} rows of {} tables, {} bytes, {:.1f} s{}{}\n", path, rows,
                           manifest.contents.tables.size(), bytes,
                           to_seconds(manifest.ended_at - manifest.started_at),
                           manifest.lsn.empty() ? "" : ", LSN ", manifest.lsn);
}

BackupFormat format_of(const BackupOptions& options, Engine engine) {
  return engine == Engine::kSqlite       ? BackupFormat::kSqliteFile
         : options.format == "directory" ? BackupFormat::kPgDirectory
                                         : BackupFormat::kPgCustom;
}

// The name may come from the database, so it is asked for before anything is made.
Result<std::string> name_of(const BackupOptions& options, const DatabaseRef& database,
                            const Clock& clock) {
  if (!options.name.empty()) {
    return options.name;
  }
  BackupManifest named;
  named.started_at = clock.wall_now();
  if (database.engine == Engine::kSqlite) {
    named.database = database.path;
  } else {
    ASSIGN_OR_RETURN(named.database, postgres::database_name(database));
  }
  return default_name(named);
}

Result<std::string> take_backup(const BackupOptions& options, const std::stop_token& stop,
                                BackupManifest& manifest) {
  SystemClock clock;
  ChildRunner commands;
  postgres::PostgresBackups postgres(commands, clock);
  sqlite::SqliteBackups sqlite(clock);
  ASSIGN_OR_RETURN(const DatabaseRef database, database_of(options));
  const BackupFormat format = format_of(options, database.engine);
  ASSIGN_OR_RETURN(const std::string name, name_of(options, database, clock));
  ASSIGN_OR_RETURN(NewBackup made, NewBackup::begin(options.catalog, name, format));
  BackupSource& source =
      database.engine == Engine::kSqlite ? static_cast<BackupSource&>(sqlite) : postgres;
  ASSIGN_OR_RETURN(manifest, source.write({database, format, made.path()}, stop));
  manifest.made_by = "ripcord " + version();
  return made.finish(manifest, clock, stop);
}

}  // namespace

int backup(const BackupOptions& options, std::stop_token stop) {
  BackupManifest manifest;
  const Result<std::string> path = take_backup(options, stop, manifest);
  if (!path) {
    std::cerr << path.error().message() << "\n";
    return 1;
  }
  print(manifest, *path);
  return 0;
}

}  // namespace ripcord::app
