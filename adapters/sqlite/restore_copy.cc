// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/restore_copy.h"

#include "adapters/sqlite/restore_replace.h"

#include <filesystem>
#include <utility>

#include <sqlite3.h>

namespace ripcord::sqlite {

Result<std::string> pragma(Connection& connection, const std::string& text) {
  const Result<Rows> found = connection.query("pragma " + text);
  if (!found && met_damage(connection)) {
    return error(StatusCode::kFailedPrecondition, found.error().message(),
                 std::string(kDatabaseDamaged));
  }
  RETURN_IF_ERROR(found ? ok_status() : found.error());
  return found->rows.empty() ? "" : found->rows[0].at(0).value_or("");
}

Copy::Copy(Connection& target, Connection& source)
    : target_(target),
      backup_(sqlite3_backup_init(target.handle(), "main", source.handle(), "main")) {}

Copy::~Copy() {
  sqlite3_backup_finish(backup_);
}

Status Copy::copy_all() {
  RETURN_IF_ERROR(step(-1));
  const int code = sqlite3_backup_finish(std::exchange(backup_, nullptr));
  return code == SQLITE_OK ? ok_status() : target_.failure(code);
}

Status Copy::step(int pages) {
  if (backup_ == nullptr) {
    return target_.failure(sqlite3_errcode(target_.handle()));
  }
  const int code = sqlite3_backup_step(backup_, pages);
  if (code == SQLITE_OK || code == SQLITE_DONE) {
    return {};
  }
  if ((code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED) {
    return {StatusCode::kUnavailable, "the database is in use", "Busy"};
  }
  if (is_damage(code)) {
    return {StatusCode::kFailedPrecondition, sqlite3_errstr(code), std::string(kDatabaseDamaged)};
  }
  return target_.failure(code).annotated("copying the database");
}

// The live file's content as it is now, complete on the disk before it gets its name.
Status copy_aside(const RestoreSite& site, const std::string& to) {
  const std::string unfinished = to + ".tmp";
  RETURN_IF_ERROR(remove_database(unfinished));
  {
    ASSIGN_OR_RETURN(Connection live, Connection::open(site.files.live, OpenMode::kReadOnly));
    ASSIGN_OR_RETURN(Connection aside, Connection::open(unfinished, OpenMode::kCreate));
    Copy copy(aside, live);
    RETURN_IF_ERROR(copy.copy_all());
  }
  std::error_code ignored;
  const auto mode = std::filesystem::status(site.files.live, ignored).permissions();
  std::filesystem::permissions(unfinished, mode, ignored);
  return rename_durably(unfinished, to);
}

}  // namespace ripcord::sqlite
