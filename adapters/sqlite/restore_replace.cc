// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/restore_replace.h"

#include <cerrno>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::sqlite {
namespace {

// Who may use the live file may use what takes its place. Only root can give a file away.
Status give_same_rights(const std::string& from, const std::string& to) {
  struct stat rights {};
  if (::stat(from.c_str(), &rights) != 0) {
    return errno == ENOENT ? ok_status() : file_error("look at", from, errno);
  }
  if (::chown(to.c_str(), rights.st_uid, rights.st_gid) != 0 && errno != EPERM) {
    return file_error("give away", to, errno);
  }
  return ::chmod(to.c_str(), rights.st_mode & 07777) == 0 ? ok_status()
                                                          : file_error("chmod", to, errno);
}

Status link_as_previous(const RestoreFiles& files) {
  std::error_code different;
  if (std::filesystem::equivalent(files.live, files.previous, different) && !different) {
    return {};  // by an attempt that was cut short
  }
  RETURN_IF_ERROR(remove_database(files.previous));
  return ::link(files.live.c_str(), files.previous.c_str()) == 0
             ? ok_status()
             : file_error("keep as " + files.previous, files.live, errno);
}

// They would be taken for those of the file that comes in its place.
Status move_companions(const RestoreFiles& files) {
  for (const char* ending : {"-wal", "-journal"}) {
    if (file_exists(files.live + ending)) {
      RETURN_IF_ERROR(rename_durably(files.live + ending, files.previous + ending));
    }
  }
  std::error_code failure;
  std::filesystem::remove(files.live + "-shm", failure);
  return failure ? file_error("remove", files.live + "-shm", failure.value()) : ok_status();
}

}  // namespace

bool is_damage(int code) {
  return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB ||
         code == SQLITE_IOERR_READ || code == SQLITE_IOERR_CORRUPTFS;
}

bool met_damage(const Connection& connection) {
  return is_damage(sqlite3_extended_errcode(connection.handle()));
}

Status check_readable(const std::string& path) {
  ASSIGN_OR_RETURN(Connection connection, Connection::open(path, OpenMode::kReadOnly));
  const auto read = connection.query("select count(*) from sqlite_schema");
  if (read) {
    return {};
  }
  return met_damage(connection) ? Status(StatusCode::kFailedPrecondition,
                                         fmt::format("{}: {}", path, read.error().message()),
                                         std::string(kDatabaseDamaged))
                                : read.error();
}

Status replace_by_name(const RestoreSite& site) {
  const RestoreFiles& files = site.files;
  if (!file_exists(files.side)) {
    return {};  // it is in its place
  }
  RETURN_IF_ERROR(give_same_rights(files.live, files.side));
  trace_point(site.trace, "before link");
  RETURN_IF_ERROR(link_as_previous(files));
  trace_point(site.trace, "after link");
  RETURN_IF_ERROR(move_companions(files));
  RETURN_IF_ERROR(sync_directory_of(files.live));
  trace_point(site.trace, "before rename");
  RETURN_IF_ERROR(rename_durably(files.side, files.live));
  trace_point(site.trace, "after rename");
  return {};
}

}  // namespace ripcord::sqlite
