// SPDX-License-Identifier: Apache-2.0
#include "adapters/embedded/sqlite_connection.h"

#include <cerrno>
#include <system_error>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::embedded {
namespace {

// Longer than a backup by another program holds the file for.
constexpr int kBusyTimeoutMs = 5000;

Status disk_full(std::string_view doing, const std::string& detail) {
  return {StatusCode::kResourceExhausted,
          fmt::format("cannot {}: {}; nothing was changed. Free space on the disk of the data "
                      "directory (or raise its quota), then the write can be repeated",
                      doing, detail),
          "DiskFull"};
}

Status read_only(std::string_view doing, const std::string& detail) {
  return {StatusCode::kFailedPrecondition,
          fmt::format("cannot {}: {}; nothing was changed. Make the data directory writable again "
                      "(mount it read-write, check the disk and the owner of its files)",
                      doing, detail),
          "ReadOnly"};
}

Status by_errno(std::string_view doing, int code, const std::string& detail) {
  switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return disk_full(doing, detail);
    case EROFS:
    case EPERM:
    case EACCES:
      return read_only(doing, detail);
    default:
      return {StatusCode::kUnavailable,
              fmt::format("cannot {}: {}; the disk of the data directory reports an error, look "
                          "into the kernel log",
                          doing, detail),
              "DiskError"};
  }
}

}  // namespace

Status sqlite_status(sqlite3* db, int code, std::string_view doing) {
  // Not sqlite3_system_errno: that knows nothing of a COMMIT that failed.
  const int os_error = errno;
  std::string detail = db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  const bool from_os = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
  if (from_os && os_error != 0) {
    detail += fmt::format(" ({})", std::generic_category().message(os_error));
  }
  switch (code & 0xff) {
    case SQLITE_FULL:
      return disk_full(doing, detail);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return read_only(doing, detail);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return by_errno(doing, os_error, detail);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {StatusCode::kUnavailable,
              fmt::format("cannot {}: {}; another program is writing to the file, end it", doing,
                          detail),
              "Busy"};
    case SQLITE_NOMEM:
      return {StatusCode::kResourceExhausted, fmt::format("cannot {}: out of memory", doing),
              "OutOfMemory"};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {StatusCode::kInternal,
              fmt::format("cannot {}: {}; the file is damaged: move the data directory aside and "
                          "restore it from a backup, or start with an empty one and let the "
                          "manifests fill it",
                          doing, detail),
              "Corrupt"};
    default:
      return {StatusCode::kInternal, fmt::format("cannot {}: {}", doing, detail)};
  }
}

Result<std::unique_ptr<Connection>> Connection::open(const std::filesystem::path& path) {
  sqlite3* db = nullptr;
  errno = 0;
  const int code =
      sqlite3_open_v2(path.c_str(), &db,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  std::unique_ptr<Connection> connection(new Connection(db));
  if (code != SQLITE_OK) {
    return as_return(sqlite_status(db, code, fmt::format("open {}", path.string())));
  }
  sqlite3_busy_timeout(db, kBusyTimeoutMs);
  return connection;
}

Connection::~Connection() {
  sqlite3_close_v2(db_);
}

Status Connection::execute(const std::string& sql, std::string_view doing) {
  errno = 0;
  const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? ok_status() : sqlite_status(db_, code, doing);
}

Result<std::string> Connection::query(const std::string& sql) {
  ASSIGN_OR_RETURN(Statement statement, Statement::prepare(*this, sql));
  ASSIGN_OR_RETURN(const bool row, statement.step("read the store"));
  return row ? std::string(statement.text(0)) : std::string();
}

Result<Statement> Statement::prepare(Connection& connection, std::string_view sql) {
  sqlite3_stmt* stmt = nullptr;
  errno = 0;
  const int code = sqlite3_prepare_v3(connection.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &stmt, nullptr);
  if (code != SQLITE_OK) {
    return as_return(sqlite_status(connection.get(), code, "read the store"));
  }
  return Statement(stmt);
}

Statement::~Statement() {
  sqlite3_finalize(stmt_);
}

void Statement::bind(int parameter, std::string_view text) {
  sqlite3_bind_text64(stmt_, parameter, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void Statement::bind(int parameter, std::int64_t value) {
  sqlite3_bind_int64(stmt_, parameter, value);
}

Result<bool> Statement::step(std::string_view doing) {
  errno = 0;
  const int code = sqlite3_step(stmt_);
  if (code == SQLITE_ROW || code == SQLITE_DONE) {
    return code == SQLITE_ROW;
  }
  Status failed = sqlite_status(sqlite3_db_handle(stmt_), code, doing);
  sqlite3_reset(stmt_);
  return as_return(std::move(failed));
}

Status Statement::run(std::string_view doing) {
  ASSIGN_OR_RETURN([[maybe_unused]] const bool row, step(doing));
  sqlite3_reset(stmt_);
  return ok_status();
}

std::string_view Statement::text(int column) const {
  const unsigned char* data = sqlite3_column_text(stmt_, column);
  return data == nullptr
             ? std::string_view()
             : std::string_view(reinterpret_cast<const char*>(data),
                                static_cast<std::size_t>(sqlite3_column_bytes(stmt_, column)));
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(stmt_, column);
}

}  // namespace ripcord::embedded
