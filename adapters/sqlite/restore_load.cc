// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/restore_load.h"

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/restore_replace.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/sendfile.h>
#include <unistd.h>

#include <fmt/format.h>

namespace ripcord::sqlite {
namespace {

constexpr std::size_t kCopyChunk = 8 << 20;

class Fd {
 public:
  Fd(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~Fd() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Status copy_failed(const std::string& path) {
  const int error_number = errno;
  return {error_number == ENOSPC || error_number == EDQUOT ? StatusCode::kResourceExhausted
                                                           : StatusCode::kUnavailable,
          fmt::format("copying to {}: {}", path, std::strerror(error_number))};
}

Status copy_file(const std::string& from, const std::string& to, const std::stop_token& stop) {
  const Fd source(from, O_RDONLY);
  const Fd target(to, O_WRONLY | O_CREAT | O_TRUNC);
  if (source.get() < 0 || target.get() < 0) {
    return copy_failed(to);
  }
  for (;;) {
    if (stop.stop_requested()) {
      return {StatusCode::kCancelled, "stopped while copying the backup"};
    }
    const ssize_t copied = ::sendfile(target.get(), source.get(), nullptr, kCopyChunk);
    if (copied < 0) {
      return copy_failed(to);
    }
    if (copied == 0) {
      return ::fsync(target.get()) == 0 ? ok_status() : copy_failed(to);
    }
  }
}

Status check_room(const RestoreSite& site, const Backup& backup) {
  std::error_code failure;
  const auto room =
      std::filesystem::space(std::filesystem::absolute(site.files.live).parent_path(), failure);
  // The side file, the live one aside, and the new content in the live file or its WAL.
  const std::int64_t needed = 2 * backup.bytes + file_bytes(site.files.live);
  if (!failure && static_cast<std::int64_t>(room.available) < needed) {
    return {StatusCode::kResourceExhausted,
            fmt::format("the restore needs {} bytes beside {}, and {} are free", needed,
                        site.files.live, room.available),
            "DiskFull"};
  }
  return {};
}

Status corrupt(const Backup& backup, std::string_view why) {
  return {StatusCode::kFailedPrecondition,
          fmt::format("backup {} is damaged: {}", backup.name, why), "CorruptBackup"};
}

Result<std::string> pragma(Connection& connection, const std::string& text,
                           const std::stop_token& stop = {}) {
  ASSIGN_OR_RETURN(const Rows rows, connection.query("pragma " + text, {}, stop));
  return rows.rows.empty() ? "" : rows.rows[0].at(0).value_or("");
}

// A WAL database only takes over pages of its own size.
Status match_page_size(Connection& side, const RestoreSite& site, const std::stop_token& stop) {
  if (file_bytes(site.files.live) == 0) {
    return {};
  }
  ASSIGN_OR_RETURN(Connection live, Connection::open(site.files.live, OpenMode::kReadOnly));
  const Result<std::string> wanted = pragma(live, "page_size");
  if (!wanted) {
    // The side takes the place of a damaged file, and need not fit into it.
    return met_damage(live) ? ok_status() : wanted.error();
  }
  ASSIGN_OR_RETURN(const std::string has, pragma(side, "page_size"));
  if (*wanted == has) {
    return {};
  }
  return side.execute(fmt::format("pragma page_size = {}; vacuum", *wanted), stop);
}

Status check_side(const RestoreSite& site, const Backup& backup, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(Connection side, Connection::open(site.files.side, OpenMode::kReadWrite));
  const Result<std::string> found = pragma(side, "quick_check(1)", stop);
  if (!found && found.error().code() != StatusCode::kFailedPrecondition) {
    return found.error();
  }
  if (!found || *found != "ok") {
    return corrupt(backup, found ? *found : found.error().message());
  }
  // Out of WAL mode, so that reading the side file needs no files beside it.
  ASSIGN_OR_RETURN(const std::string mode, pragma(side, "journal_mode = delete", stop));
  if (mode != "delete") {
    return {StatusCode::kUnavailable, fmt::format("{} is in use", site.files.side), "Busy"};
  }
  return match_page_size(side, site, stop);
}

}  // namespace

Status load_side(const RestoreSite& site, const Backup& backup, const std::stop_token& stop) {
  if (backup.format != BackupFormat::kSqliteFile) {
    return {StatusCode::kInvalidArgument,
            fmt::format("backup {} is no SQLite database, but spec.database.engine is SQLite",
                        backup.name),
            "WrongBackupFormat"};
  }
  if (file_bytes(backup.path + "-wal") > 0) {
    return corrupt(backup,
                   "it has a -wal file beside it, so it was copied while in use; make it "
                   "with `sqlite3 db \".backup file\"`");
  }
  RETURN_IF_ERROR(check_room(site, backup));
  RETURN_IF_ERROR(write_journal(site, {site.uid, "loading", backup.name}));
  RETURN_IF_ERROR(remove_database(site.files.side));
  trace_point(site.trace, "before copy");
  RETURN_IF_ERROR(copy_file(backup.path, site.files.side, stop));
  trace_point(site.trace, "after copy");
  RETURN_IF_ERROR(check_side(site, backup, stop));
  RETURN_IF_ERROR(sync_directory_of(site.files.side));
  return write_journal(site, {site.uid, "loaded", backup.name});
}

}  // namespace ripcord::sqlite
