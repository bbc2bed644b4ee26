// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/connection.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <poll.h>

#include <fmt/format.h>
#include <libpq-fe.h>

namespace ripcord::postgres {
namespace {

constexpr int kPollSliceMs = 50;

struct ResultCloser {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ResultCloser>;

void drop_notice(void*, const char*) {}

MonoTime mono_now() {
  return std::chrono::steady_clock::now();
}

std::string one_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
    text.pop_back();
  }
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::string without(std::string text, const std::string& secret) {
  for (std::size_t at = 0; !secret.empty() && (at = text.find(secret, at)) != std::string::npos;) {
    text.replace(at, secret.size(), "***");
    at += 3;
  }
  return text;
}

Status of_sqlstate(const std::string& state, std::string message) {
  const std::string_view kind = std::string_view(state).substr(0, 2);
  if (state == "55P03") {
    return {StatusCode::kUnavailable, std::move(message), "LockTimeout"};
  }
  if (state == "40P01") {
    return {StatusCode::kUnavailable, std::move(message), "Deadlock"};
  }
  if (state == "40001") {
    return {StatusCode::kUnavailable, std::move(message), "SerializationFailure"};
  }
  if (state == "57014") {
    return {StatusCode::kDeadlineExceeded, std::move(message), "StatementTimeout"};
  }
  if (kind == "08" || state == "57P01" || state == "57P02" || state == "57P03") {
    return {StatusCode::kUnavailable, std::move(message), "ConnectionLost"};
  }
  if (kind == "53") {
    return {StatusCode::kResourceExhausted, std::move(message), "DatabaseExhausted"};
  }
  if (kind == "28" || state == "42501") {
    return {StatusCode::kPermissionDenied, std::move(message), "DatabasePermission"};
  }
  return {StatusCode::kFailedPrecondition, std::move(message), "StatementFailed"};
}

Rows rows_of(const PGresult* result) {
  Rows rows;
  const int columns = PQnfields(result);
  for (int c = 0; c < columns; ++c) {
    rows.columns.emplace_back(PQfname(result, c));
  }
  const int count = PQntuples(result);
  rows.rows.reserve(static_cast<std::size_t>(count));
  for (int r = 0; r < count; ++r) {
    auto& row = rows.rows.emplace_back();
    for (int c = 0; c < columns; ++c) {
      row.push_back(PQgetisnull(result, r, c) != 0
                        ? Value{}
                        : Value(std::in_place, PQgetvalue(result, r, c),
                                static_cast<std::size_t>(PQgetlength(result, r, c))));
    }
  }
  rows.affected = std::strtoll(PQcmdTuples(const_cast<PGresult*>(result)), nullptr, 10);
  return rows;
}

}  // namespace

Result<std::string> resolve_url(const DatabaseRef& ref, SecretReader* secrets) {
  std::string url = ref.url;
  if (!ref.url_env.empty()) {
    const char* text = std::getenv(ref.url_env.c_str());
    if (text == nullptr) {
      return error(StatusCode::kInvalidArgument,
                   fmt::format("environment variable {} is not set; spec.database.urlFrom.env must "
                               "name one that holds the URL",
                               ref.url_env),
                   "NoDatabaseUrl");
    }
    url = text;
  } else if (!ref.url_file.empty()) {
    std::ifstream file(ref.url_file);
    if (!file) {
      return error(
          StatusCode::kInvalidArgument,
          fmt::format("{}: cannot be read; spec.database.urlFrom.file must name a readable "
                      "file that holds the URL",
                      ref.url_file),
          "NoDatabaseUrl");
    }
    url.assign(std::istreambuf_iterator<char>(file), {});
  } else if (ref.url_secret) {
    if (secrets == nullptr) {
      return error(StatusCode::kInvalidArgument,
                   "only on Kubernetes: spec.database.urlFrom.secretKeyRef needs a cluster; use "
                   "urlFrom.env or urlFrom.file here",
                   "OnlyOnKubernetes");
    }
    ASSIGN_OR_RETURN(url, secrets->read(*ref.url_secret));
  }
  url.erase(url.find_last_not_of(" \t\r\n") + 1);
  if (url.empty()) {
    return error(
        StatusCode::kInvalidArgument,
        fmt::format("{}: no URL; write spec.database.url or spec.database.urlFrom", describe(ref)),
        "NoDatabaseUrl");
  }
  return url;
}

Result<UrlParts> parse_url(const std::string& url) {
  char* why = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(url.c_str(), &why), PQconninfoFree);
  PQfreemem(why);  // quotes the URL, password and all: not shown
  if (!options) {
    return error(StatusCode::kInvalidArgument,
                 "the database URL cannot be parsed; write postgresql://user@host:5432/name "
                 "(special characters percent-encoded)",
                 "BadDatabaseUrl");
  }
  UrlParts parts;
  for (const PQconninfoOption* o = options.get(); o->keyword != nullptr; ++o) {
    if (o->val != nullptr) {
      parts.options[o->keyword] = o->val;
    }
  }
  return parts;
}

void Connection::Closer::operator()(pg_conn* connection) const {
  PQfinish(connection);
}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

Result<Connection> Connection::open(const std::string& url, const ConnectOptions& options,
                                    std::stop_token stop) {
  ASSIGN_OR_RETURN(UrlParts parts, parse_url(url));
  if (!options.dbname.empty()) {
    parts.options["dbname"] = options.dbname;
  }
  parts.options["fallback_application_name"] = options.application_name;
  parts.options.try_emplace("keepalives_idle", "30");
  parts.options.try_emplace("client_encoding", "UTF8");
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : parts.options) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  Connection connection(PQconnectStartParams(keys.data(), values.data(), 0));
  if (const auto password = parts.options.find("password"); password != parts.options.end()) {
    connection.password_ = password->second;
  }
  if (!connection.connection_) {
    return error(StatusCode::kResourceExhausted, "out of memory while connecting");
  }
  PQsetNoticeProcessor(connection.connection_.get(), drop_notice, nullptr);
  RETURN_IF_ERROR(connection.wait_connected(mono_now() + options.timeout, stop));
  if (PQsetnonblocking(connection.connection_.get(), 1) != 0) {
    return as_return(connection.lost());
  }
  return connection;
}

Status Connection::wait_connected(MonoTime deadline, const std::stop_token& stop) {
  PGconn* conn = connection_.get();
  if (PQstatus(conn) == CONNECTION_BAD) {
    return {StatusCode::kUnavailable, without(one_line(PQerrorMessage(conn)), password_),
            "ConnectFailed"};
  }
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK) {
    if (next == PGRES_POLLING_FAILED) {
      return {StatusCode::kUnavailable, without(one_line(PQerrorMessage(conn)), password_),
              "ConnectFailed"};
    }
    if (stop.stop_requested()) {
      return {StatusCode::kCancelled, "stopped while connecting to the database"};
    }
    if (mono_now() >= deadline) {
      return {StatusCode::kUnavailable, "the database server did not answer in time",
              "ConnectFailed"};
    }
    pollfd entry{PQsocket(conn), next == PGRES_POLLING_READING ? short{POLLIN} : short{POLLOUT}, 0};
    if (::poll(&entry, 1, kPollSliceMs) > 0) {
      next = PQconnectPoll(conn);
    }
  }
  return {};
}

Result<Rows> Connection::query(const std::string& sql, const std::vector<Value>& parameters,
                               std::stop_token stop) {
  std::vector<const char*> values;
  for (const Value& value : parameters) {
    values.push_back(value ? value->c_str() : nullptr);
  }
  if (PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr,
                        values.data(), nullptr, nullptr, 0) == 0) {
    return as_return(lost());
  }
  return collect(stop);
}

Result<Rows> Connection::execute(const std::string& sql, std::stop_token stop) {
  if (PQsendQuery(connection_.get(), sql.c_str()) == 0) {
    return as_return(lost());
  }
  return collect(stop);
}

Result<Rows> Connection::collect(const std::stop_token& stop) {
  last_error_ = {};
  RETURN_IF_ERROR(flush(stop));
  Result<Rows> outcome{Rows{}};
  bool stopped = false;
  while (true) {
    if (const Status waited = wait_result(stopped ? std::stop_token{} : stop); !waited.ok()) {
      if (waited.code() != StatusCode::kCancelled || stopped) {
        return as_return(waited);
      }
      stopped = true;
      cancel_running();
      continue;
    }
    const ResultPtr result(PQgetResult(connection_.get()));
    if (!result) {
      break;
    }
    switch (PQresultStatus(result.get())) {
      case PGRES_COMMAND_OK:
      case PGRES_EMPTY_QUERY:
        if (outcome) {
          outcome->affected = rows_of(result.get()).affected;
        }
        break;
      case PGRES_TUPLES_OK:
        if (outcome) {
          outcome = rows_of(result.get());
        }
        break;
      case PGRES_COPY_IN:
        PQputCopyEnd(connection_.get(), "COPY FROM STDIN is not supported here");
        break;
      case PGRES_COPY_OUT:
      case PGRES_COPY_BOTH:
        connection_.reset();
        return error(StatusCode::kFailedPrecondition, "COPY TO STDOUT is not supported here");
      default:
        outcome = as_return(failure(result.get()));
    }
    if (PQstatus(connection_.get()) == CONNECTION_BAD) {
      return as_return(lost());
    }
  }
  if (stopped && !outcome) {
    return error(StatusCode::kCancelled, "stopped; the running statement was cancelled");
  }
  return outcome;
}

Result<std::int64_t> Connection::copy_out(const std::string& sql,
                                          const std::function<Status(std::string_view)>& sink,
                                          std::stop_token stop) {
  last_error_ = {};
  if (PQsendQuery(connection_.get(), sql.c_str()) == 0) {
    return as_return(lost());
  }
  RETURN_IF_ERROR(flush(stop));
  RETURN_IF_ERROR(wait_result({}));
  const ResultPtr begun(PQgetResult(connection_.get()));
  if (!begun) {
    return as_return(lost());
  }
  if (PQresultStatus(begun.get()) != PGRES_COPY_OUT) {
    const Status refused = PQresultStatus(begun.get()) == PGRES_FATAL_ERROR
                               ? failure(begun.get())
                               : Status(StatusCode::kInternal, "this was no COPY TO STDOUT");
    static_cast<void>(collect({}));
    return as_return(refused);
  }
  const Status copied = drain_copy(sink, stop);
  if (copied.reason() == "ConnectionLost") {
    return as_return(copied);
  }
  Result<Rows> ended = collect({});
  if (!copied.ok()) {
    return as_return(copied);
  }
  if (!ended) {
    return as_return(ended.error());
  }
  return ended->affected;
}

Status Connection::drain_copy(const std::function<Status(std::string_view)>& sink,
                              const std::stop_token& stop) {
  PGconn* conn = connection_.get();
  Status outcome;
  const auto end_with = [&](Status why) {
    outcome = std::move(why);
    cancel_running();  // what is on its way is thrown away
  };
  while (true) {
    char* data = nullptr;
    const int size = PQgetCopyData(conn, &data, 1);
    const std::unique_ptr<char, decltype(&PQfreemem)> owned(data, PQfreemem);
    if (size > 0) {
      if (outcome.ok()) {
        Status taken = sink({data, static_cast<std::size_t>(size)});
        if (!taken.ok()) {
          end_with(std::move(taken));
        }
      }
      continue;
    }
    if (size < 0) {
      return outcome;  // -1: the end, -2: an error that collect() finds
    }
    pollfd entry{PQsocket(conn), POLLIN, 0};
    if (::poll(&entry, 1, kPollSliceMs) > 0 && PQconsumeInput(conn) == 0) {
      return lost();
    }
    if (outcome.ok() && stop.stop_requested()) {
      end_with({StatusCode::kCancelled, "stopped while copying"});
    }
  }
}

Status Connection::flush(const std::stop_token& stop) {
  PGconn* conn = connection_.get();
  while (true) {
    const int left = PQflush(conn);
    if (left == 0) {
      return {};
    }
    if (left < 0) {
      return lost();
    }
    if (stop.stop_requested()) {
      cancel_running();
    }
    pollfd entry{PQsocket(conn), POLLIN | POLLOUT, 0};
    if (::poll(&entry, 1, kPollSliceMs) > 0 && (entry.revents & POLLIN) != 0 &&
        PQconsumeInput(conn) == 0) {
      return lost();
    }
  }
}

Status Connection::wait_result(const std::stop_token& stop) {
  PGconn* conn = connection_.get();
  while (PQisBusy(conn) != 0) {
    pollfd entry{PQsocket(conn), POLLIN, 0};
    const int ready = ::poll(&entry, 1, kPollSliceMs);
    if (ready < 0 && errno != EINTR) {
      return lost();
    }
    if (ready > 0 && PQconsumeInput(conn) == 0) {
      return lost();
    }
    if (ready <= 0 && stop.stop_requested()) {
      return {StatusCode::kCancelled, "stopped"};
    }
  }
  return {};
}

void Connection::cancel_running() {
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> cancel(PQgetCancel(connection_.get()),
                                                                  PQfreeCancel);
  char why[256];
  if (cancel) {
    PQcancel(cancel.get(), why, sizeof why);
  }
}

Status Connection::failure(const PGresult* result) {
  const auto field = [&](int code) -> std::string {
    const char* text = PQresultErrorField(result, code);
    return text == nullptr ? std::string() : one_line(text);
  };
  last_error_.sqlstate = field(PG_DIAG_SQLSTATE);
  last_error_.position = std::atoi(field(PG_DIAG_STATEMENT_POSITION).c_str());
  std::string text = field(PG_DIAG_MESSAGE_PRIMARY);
  if (last_error_.sqlstate.empty() || text.empty()) {
    return lost();
  }
  if (const std::string detail = field(PG_DIAG_MESSAGE_DETAIL); !detail.empty()) {
    text += "; " + detail;
  }
  if (const std::string hint = field(PG_DIAG_MESSAGE_HINT); !hint.empty()) {
    text += "; " + hint;
  }
  last_error_.message = without(text, password_);
  return of_sqlstate(last_error_.sqlstate,
                     fmt::format("{} (SQLSTATE {})", last_error_.message, last_error_.sqlstate));
}

Status Connection::lost() {
  const std::string why =
      connection_ ? without(one_line(PQerrorMessage(connection_.get())), password_) : "closed";
  return {StatusCode::kUnavailable, "the connection to the database was lost: " + why,
          "ConnectionLost"};
}

bool Connection::alive() const {
  return connection_ && PQstatus(connection_.get()) == CONNECTION_OK;
}
int Connection::backend_pid() const {
  return PQbackendPID(connection_.get());
}
int Connection::server_version() const {
  return PQserverVersion(connection_.get());
}
std::string Connection::database() const {
  const char* name = PQdb(connection_.get());
  return name == nullptr ? "" : name;
}

std::string Connection::quote_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    quoted += c;
    if (c == '"') {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string Connection::quote_literal(std::string_view text) {
  std::string quoted = text.find('\\') == std::string_view::npos ? "'" : " E'";
  for (const char c : text) {
    quoted += c;
    if (c == '\'' || c == '\\') {
      quoted += c;
    }
  }
  return quoted + "'";
}

}  // namespace ripcord::postgres
