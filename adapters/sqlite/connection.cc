// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/connection.h"

#include <cerrno>
#include <filesystem>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::sqlite {
namespace {

constexpr int kProgressOps = 10000;

struct StatementCloser {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using StatementPtr = std::unique_ptr<sqlite3_stmt, StatementCloser>;

bool is_late(const StatementLimits& limits) {
  return limits.clock != nullptr && limits.clock->now() >= limits.deadline;
}

// Interrupts the running statement when stop is requested or its time is over, for as long as it
// lives.
class StopWatch {
 public:
  StopWatch(sqlite3* db, std::stop_token stop, const StatementLimits& limits)
      : db_(db), stop_(std::move(stop)), limits_(limits) {
    if (watches()) {
      sqlite3_progress_handler(db_, kProgressOps, end_wanted, this);
    }
  }
  ~StopWatch() {
    if (watches()) {
      sqlite3_progress_handler(db_, 0, nullptr, nullptr);
    }
  }
  StopWatch(const StopWatch&) = delete;
  StopWatch& operator=(const StopWatch&) = delete;

 private:
  bool watches() const { return stop_.stop_possible() || limits_.clock != nullptr; }
  static int end_wanted(void* self) {
    const auto& watch = *static_cast<const StopWatch*>(self);
    return watch.stop_.stop_requested() || is_late(watch.limits_) ? 1 : 0;
  }

  sqlite3* db_;
  const std::stop_token stop_;
  const StatementLimits& limits_;
};

}  // namespace

void Connection::Closer::operator()(sqlite3* db) const {
  sqlite3_close_v2(db);
}

Result<Connection> Connection::open(const std::string& path, OpenMode mode, Duration busy_timeout) {
  std::error_code ignored;
  if (const auto folder = std::filesystem::path(path).parent_path();
      !folder.empty() && !std::filesystem::is_directory(folder, ignored)) {
    return error(StatusCode::kFailedPrecondition,
                 fmt::format("{}: there is no such folder; make it, or correct the path of the "
                             "database",
                             folder.string()),
                 "NoDatabaseFolder");
  }
  if (mode != OpenMode::kCreate && !std::filesystem::exists(path, ignored)) {
    return error(StatusCode::kNotFound, fmt::format("{}: there is no such database file", path),
                 "DatabaseNotFound");
  }
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  flags |= mode == OpenMode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  flags |= mode == OpenMode::kCreate ? SQLITE_OPEN_CREATE : 0;
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Connection connection(raw);
  if (code != SQLITE_OK) {
    return as_return(connection.failure(code).annotated(path));
  }
  sqlite3_busy_timeout(
      raw, static_cast<int>(
               std::chrono::duration_cast<std::chrono::milliseconds>(busy_timeout).count()));
  return connection;
}

Result<Rows> Connection::query(const std::string& sql, const std::vector<Value>& parameters,
                               std::stop_token stop) {
  sqlite3_stmt* raw = nullptr;
  int code =
      sqlite3_prepare_v2(db_.get(), sql.c_str(), static_cast<int>(sql.size()) + 1, &raw, nullptr);
  const StatementPtr statement(raw);
  if (code != SQLITE_OK) {
    return as_return(failure(code));
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto index = static_cast<int>(i) + 1;
    code = parameters[i] ? sqlite3_bind_text(raw, index, parameters[i]->data(),
                                             static_cast<int>(parameters[i]->size()), SQLITE_STATIC)
                         : sqlite3_bind_null(raw, index);
    if (code != SQLITE_OK) {
      return as_return(failure(code));
    }
  }
  const StopWatch watch(db_.get(), std::move(stop), limits_);
  Rows rows;
  while (raw != nullptr && (code = sqlite3_step(raw)) == SQLITE_ROW) {
    if (limits_.clock != nullptr && rows.rows.size() >= limits_.rows) {
      return error(StatusCode::kFailedPrecondition,
                   fmt::format("the statement gives more than {} rows", limits_.rows),
                   "TooManyRows");
    }
    auto& row = rows.rows.emplace_back();
    for (int c = 0; c < sqlite3_column_count(raw); ++c) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(raw, c));
      row.push_back(
          text == nullptr
              ? Value{}
              : Value(std::in_place, text, static_cast<std::size_t>(sqlite3_column_bytes(raw, c))));
    }
  }
  if (raw != nullptr && code != SQLITE_DONE) {
    return as_return(failure(code));
  }
  return rows;
}

Status Connection::execute(const std::string& sql, std::stop_token stop) {
  const StopWatch watch(db_.get(), std::move(stop), limits_);
  const int code = sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? ok_status() : failure(code);
}

bool Connection::in_transaction() const {
  return sqlite3_get_autocommit(db_.get()) == 0;
}

Status Connection::failure(int code) const {
  std::string message = db_ ? sqlite3_errmsg(db_.get()) : sqlite3_errstr(code);
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {StatusCode::kUnavailable, std::move(message), "Busy"};
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return {StatusCode::kResourceExhausted, std::move(message), "DatabaseExhausted"};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {StatusCode::kPermissionDenied, std::move(message), "DatabasePermission"};
    case SQLITE_INTERRUPT:
      return is_late(limits_) ? Status(StatusCode::kDeadlineExceeded, "the statement took too long",
                                       "StatementTimeout")
                              : Status(StatusCode::kCancelled, std::move(message));
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return {StatusCode::kUnavailable, std::move(message), "DatabaseUnreadable"};
    default:
      return {StatusCode::kFailedPrecondition, std::move(message), "StatementFailed"};
  }
}

}  // namespace ripcord::sqlite
