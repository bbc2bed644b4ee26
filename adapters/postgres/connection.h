// SPDX-License-Identifier: Apache-2.0
#pragma once
// One session with a PostgreSQL server: connects, runs queries, says what went wrong.
// Every wait can be ended by a stop token: the running statement is cancelled on the server.
// Fails with: Unavailable (reason ConnectionLost, ConnectFailed, LockTimeout, Deadlock,
// SerializationFailure), DeadlineExceeded (statement_timeout, no answer), ResourceExhausted,
// PermissionDenied, Cancelled (stop), FailedPrecondition (everything else the server refused).
// Messages carry the server's text and SQLSTATE, never a password. One thread at a time; movable;
// the session ends with the object.

#include "controller/base/clock.h"
#include "controller/base/status.h"
#include "controller/model/database.h"
#include "controller/ports/secrets.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

struct pg_conn;
struct pg_result;

namespace ripcord::postgres {

using Value = std::optional<std::string>;  // text format; empty = NULL

struct Rows {
  std::vector<std::string> columns;
  std::vector<std::vector<Value>> rows;
  std::int64_t affected = 0;  // rows changed by INSERT, UPDATE, DELETE
};

// For commands whose rows do not matter.
inline Status status_of_rows(const Result<Rows>& rows) {
  return rows ? ok_status() : rows.error();
}

// What the server said about the last failed statement.
struct ServerError {
  std::string sqlstate;  // five characters; empty when the server did not answer
  std::string message;   // primary message, detail and hint in one line
  int position = 0;      // 1-based, in characters of the statement; 0 = not known
};

struct ConnectOptions {
  std::string application_name = "ripcord";
  std::string dbname;  // replaces the database of the URL when not empty
  Duration timeout = std::chrono::seconds(10);
};

// The URL that `ref` names: itself, an environment variable, a file, or a Secret (trailing white
// space is dropped). InvalidArgument (OnlyOnKubernetes) for a Secret without a reader; errors of
// the reader; InvalidArgument when none or an empty one is named; its content is in no message.
Result<std::string> resolve_url(const DatabaseRef& ref, SecretReader* secrets = nullptr);

// A URL taken apart by libpq; holds the password. InvalidArgument, without the URL's content, when
// it cannot be parsed.
struct UrlParts {
  std::map<std::string, std::string> options;  // libpq keyword -> value, as far as given
};
Result<UrlParts> parse_url(const std::string& url);

class Connection {
 public:
  static Result<Connection> open(const std::string& url, const ConnectOptions& options = {},
                                 std::stop_token stop = {});
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  // One statement with $1, $2 ... bound as text.
  Result<Rows> query(const std::string& sql, const std::vector<Value>& parameters = {},
                     std::stop_token stop = {});
  // One or several statements without parameters (simple protocol): several are one transaction
  // unless they say otherwise. The rows of the last one that has any.
  Result<Rows> execute(const std::string& sql, std::stop_token stop = {});

  // COPY ... TO STDOUT: hands its data to `sink` as it comes; a failure of that ends the copy and
  // is returned. How many rows there were.
  Result<std::int64_t> copy_out(const std::string& sql,
                                const std::function<Status(std::string_view)>& sink,
                                std::stop_token stop = {});

  bool alive() const;
  int backend_pid() const;
  int server_version() const;  // 150020
  std::string database() const;
  const ServerError& last_error() const { return last_error_; }

  static std::string quote_identifier(std::string_view name);
  static std::string quote_literal(std::string_view text);  // standard_conforming_strings

 private:
  struct Closer {
    void operator()(pg_conn* connection) const;
  };
  explicit Connection(pg_conn* connection) : connection_(connection) {}
  Status wait_connected(MonoTime deadline, const std::stop_token& stop);
  Result<Rows> collect(const std::stop_token& stop);
  Status flush(const std::stop_token& stop);
  Status wait_result(const std::stop_token& stop);
  // The data of a copy that has begun; afterwards the results are to be collected.
  Status drain_copy(const std::function<Status(std::string_view)>& sink,
                    const std::stop_token& stop);
  Status failure(const pg_result* result);
  Status lost();
  void cancel_running();

  std::unique_ptr<pg_conn, Closer> connection_;
  std::string password_;
  ServerError last_error_;
};

}  // namespace ripcord::postgres
