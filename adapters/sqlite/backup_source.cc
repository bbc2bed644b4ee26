// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/backup_source.h"

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/contents.h"
#include "adapters/sqlite/restore_site.h"

#include <filesystem>
#include <memory>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::sqlite {
namespace {

constexpr auto kPatience = std::chrono::seconds(30);
constexpr auto kPause = std::chrono::milliseconds(20);
constexpr int kPagesAtOnce = 4096;

struct BackupCloser {
  void operator()(sqlite3_backup* backup) const { sqlite3_backup_finish(backup); }
};

// All pages of one moment: the source's read transaction holds it still, so that a busy writer
// cannot make the copy begin again and again.
Status copy_pages(Connection& source, Connection& target, Clock& clock,
                  const std::stop_token& stop) {
  RETURN_IF_ERROR(source.execute("begin; select count(*) from sqlite_schema;"));
  const std::unique_ptr<sqlite3_backup, BackupCloser> backup(
      sqlite3_backup_init(target.handle(), "main", source.handle(), "main"));
  if (!backup) {
    return target.failure(sqlite3_errcode(target.handle()));
  }
  const MonoTime deadline = clock.now() + kPatience;
  for (;;) {
    const int code = sqlite3_backup_step(backup.get(), kPagesAtOnce);
    if (code == SQLITE_DONE) {
      return {};
    }
    const bool busy = code == SQLITE_BUSY || code == SQLITE_LOCKED;
    if (code != SQLITE_OK && !busy) {
      return target.failure(code).annotated("copying the database");
    }
    if (stop.stop_requested() || (busy && !clock.sleep_for(kPause, stop))) {
      return {StatusCode::kCancelled, "stopped while copying the database"};
    }
    if (busy && clock.now() >= deadline) {
      return {StatusCode::kUnavailable, "the database is in use", "Busy"};
    }
  }
}

Status copy_database(const std::string& from, const std::string& to, Clock& clock,
                     const std::stop_token& stop) {
  ASSIGN_OR_RETURN(Connection source, Connection::open(from, OpenMode::kReadOnly, kPatience));
  ASSIGN_OR_RETURN(Connection target, Connection::open(to, OpenMode::kCreate));
  return copy_pages(source, target, clock, stop);
}

Result<std::string> pragma(Connection& connection, const std::string& text,
                           const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const Rows rows, connection.query("pragma " + text, {}, stop));
  return rows.rows.empty() ? "" : rows.rows[0].at(0).value_or("");
}

Status check_soundness(const std::string& copy, const std::string& original,
                       const std::stop_token& stop) {
  ASSIGN_OR_RETURN(Connection connection, Connection::open(copy, OpenMode::kReadOnly));
  const Result<std::string> sound = pragma(connection, "quick_check(1)", stop);
  if (sound && *sound == "ok") {
    return {};
  }
  if (!sound && sound.error().code() == StatusCode::kCancelled) {
    return sound.error();
  }
  return {StatusCode::kFailedPrecondition,
          fmt::format("{} is damaged: {}", original, sound ? *sound : sound.error().message()),
          "CorruptDatabase"};
}

}  // namespace

Result<BackupManifest> SqliteBackups::write(const BackupOrder& order, std::stop_token stop) {
  if (order.format != BackupFormat::kSqliteFile) {
    return error(StatusCode::kInvalidArgument, "a backup of SQLite is a database file",
                 "WrongBackupFormat");
  }
  BackupManifest manifest;
  manifest.engine = Engine::kSqlite;
  manifest.format = "sqlite";
  manifest.database = std::filesystem::path(order.database.path).filename().string();
  manifest.server = sqlite3_libversion();
  manifest.server_version = sqlite3_libversion_number();
  manifest.tool = fmt::format("SQLite {}", sqlite3_libversion());
  manifest.started_at = clock_.wall_now();
  trace_point(trace_, "before copy");
  RETURN_IF_ERROR(copy_database(order.database.path, order.path, clock_, stop));
  trace_point(trace_, "after copy");
  ASSIGN_OR_RETURN(Connection copy, Connection::open(order.path, OpenMode::kReadWrite));
  // Out of WAL mode, so that a backup is one file.
  ASSIGN_OR_RETURN(const std::string mode, pragma(copy, "journal_mode = delete", stop));
  if (mode != "delete") {
    return error(StatusCode::kUnavailable, order.path + " is in use", "Busy");
  }
  // Both read all of it and need a processor each.
  Status sound;
  std::jthread checker([&] { sound = check_soundness(order.path, order.database.path, stop); });
  Result<DatabaseContents> contents = survey(copy, stop);
  checker.join();
  RETURN_IF_ERROR(sound);
  ASSIGN_OR_RETURN(manifest.contents, std::move(contents));
  manifest.database_bytes = file_bytes(order.path);
  return manifest;
}

}  // namespace ripcord::sqlite
