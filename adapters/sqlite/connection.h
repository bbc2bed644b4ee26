// SPDX-License-Identifier: Apache-2.0
#pragma once
// One connection to a SQLite database file.
// Fails with: Unavailable (reason Busy: another connection holds the lock), ResourceExhausted (disk
// full), PermissionDenied (read-only), Cancelled (stop), DeadlineExceeded (reason StatementTimeout,
// where a limit is set), FailedPrecondition (everything else SQLite refused). Messages carry
// SQLite's own text. One thread at a time; movable; closed with the object.

#include "controller/base/clock.h"
#include "controller/base/status.h"

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

struct sqlite3;

namespace ripcord::sqlite {

using Value = std::optional<std::string>;  // as text; empty = NULL

struct Rows {
  std::vector<std::vector<Value>> rows;
};

// Of a statement that may be anything. `clock` outlives the connection.
struct StatementLimits {
  const Clock* clock = nullptr;  // null: no limits
  MonoTime deadline;
  std::size_t rows = 0;
};

enum class OpenMode { kReadOnly, kReadWrite, kCreate };

class Connection {
 public:
  // NotFound when the file is not there and the mode does not create it; FailedPrecondition when
  // its folder is not there.
  static Result<Connection> open(const std::string& path, OpenMode mode,
                                 Duration busy_timeout = std::chrono::seconds(5));

  // For the statements from now on. FailedPrecondition (reason TooManyRows) beyond the rows.
  void limit(const StatementLimits& limits) { limits_ = limits; }
  // One statement with ?1, ?2 ... bound as text.
  Result<Rows> query(const std::string& sql, const std::vector<Value>& parameters = {},
                     std::stop_token stop = {});
  // One or several statements without parameters or rows.
  Status execute(const std::string& sql, std::stop_token stop = {});

  bool in_transaction() const;
  sqlite3* handle() const { return db_.get(); }
  // The status of a SQLite result code, with the connection's message.
  Status failure(int code) const;

 private:
  struct Closer {
    void operator()(sqlite3* db) const;
  };
  explicit Connection(sqlite3* db) : db_(db) {}
  std::unique_ptr<sqlite3, Closer> db_;
  StatementLimits limits_;
};

}  // namespace ripcord::sqlite
