// SPDX-License-Identifier: Apache-2.0
#pragma once
// The little of SQLite that the store needs: a connection, a prepared statement, and what an error
// of SQLite means to a caller. Used by one thread at a time; a statement must not outlive its
// connection.

#include "controller/base/status.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

namespace ripcord::embedded {

// What `code`, just returned by `db`, means (errno, set to 0 before that call, tells the cause):
// ResourceExhausted (DiskFull) when there is no space left, FailedPrecondition (ReadOnly) when the
// file cannot be written, Unavailable when the disk fails or another program holds the file,
// Internal (Corrupt) when the file is damaged. Each message says what to do. `doing` completes
// "cannot ...".
Status sqlite_status(sqlite3* db, int code, std::string_view doing);

class Connection {
 public:
  // Opens an existing file for reading and writing.
  static Result<std::unique_ptr<Connection>> open(const std::filesystem::path& path);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  sqlite3* get() const { return db_; }
  Status execute(const std::string& sql, std::string_view doing);
  // The first column of the first row, as text.
  Result<std::string> query(const std::string& sql);

 private:
  explicit Connection(sqlite3* db) : db_(db) {}
  sqlite3* db_;
};

class Statement {
 public:
  static Result<Statement> prepare(Connection& connection, std::string_view sql);
  Statement(Statement&& other) noexcept : stmt_(std::exchange(other.stmt_, nullptr)) {}
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // Text must live until the statement has run. Parameters count from 1.
  void bind(int parameter, std::string_view text);
  void bind(int parameter, std::int64_t value);
  // True when there is a row to read.
  Result<bool> step(std::string_view doing);
  // Runs a statement that gives no row, and makes it ready for the next run.
  Status run(std::string_view doing);
  std::string_view text(int column) const;  // valid until the next step
  std::int64_t integer(int column) const;

 private:
  explicit Statement(sqlite3_stmt* stmt) : stmt_(stmt) {}
  sqlite3_stmt* stmt_;
};

}  // namespace ripcord::embedded
