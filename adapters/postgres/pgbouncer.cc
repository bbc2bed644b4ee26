// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/pgbouncer.h"

#include "adapters/postgres/connection.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <poll.h>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <libpq-fe.h>

namespace ripcord::postgres {
namespace {

constexpr int kPollSliceMs = 10;
constexpr auto kAnswerPatience = std::chrono::seconds(5);
constexpr auto kLeastPatience = std::chrono::milliseconds(200);
constexpr auto kLoginPatience = std::chrono::seconds(10);
constexpr auto kLoginPoll = std::chrono::milliseconds(1);
constexpr auto kQuiet = std::chrono::milliseconds(100);
constexpr std::string_view kConsole = "pgbouncer";

MonoTime mono_now() {
  return std::chrono::steady_clock::now();
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

struct Answer {
  bool late = false;                           // no answer yet: the session is of no more use
  std::string failed;                          // what the console said against it
  std::vector<std::vector<std::string>> rows;  // name, database, sv_login: as far as it says them
};

// Not a Connection: that one cancels what is to be stopped and waits for it to end.
class Console {
 public:
  static Result<Console> open(const std::string& url) {
    auto parts = parse_url(url);
    if (!parts) {
      return error(StatusCode::kInvalidArgument,
                   "the URL that spec.pgbouncer.adminUrlFrom names cannot be parsed; write "
                   "postgresql://admin@host:6432/pgbouncer",
                   "NoPgBouncerUrl");
    }
    parts->options["dbname"] = kConsole;
    parts->options["fallback_application_name"] = "ripcord";
    std::vector<const char*> keys;
    std::vector<const char*> values;
    for (const auto& [key, value] : parts->options) {
      keys.push_back(key.c_str());
      values.push_back(value.c_str());
    }
    keys.push_back(nullptr);
    values.push_back(nullptr);
    Console console(PQconnectStartParams(keys.data(), values.data(), 0));
    if (const auto secret = parts->options.find("password"); secret != parts->options.end()) {
      console.password_ = secret->second;
    }
    RETURN_IF_ERROR(console.wait_connected(mono_now() + kAnswerPatience));
    return console;
  }

  // Unavailable when the session is lost.
  Result<Answer> ask(const std::string& command, MonoTime deadline, const std::stop_token& stop) {
    PGconn* conn = connection_.get();
    if (PQsendQuery(conn, command.c_str()) == 0) {
      return as_return(lost());
    }
    Answer answer;
    for (;;) {
      while (PQisBusy(conn) != 0) {
        if (stop.stop_requested() || mono_now() >= deadline) {
          answer.late = true;
          return answer;
        }
        pollfd entry{PQsocket(conn), POLLIN, 0};
        const int ready = ::poll(&entry, 1, kPollSliceMs);
        if ((ready < 0 && errno != EINTR) || (ready > 0 && PQconsumeInput(conn) == 0)) {
          return as_return(lost());
        }
      }
      const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(conn), PQclear);
      if (!result) {
        return PQstatus(conn) == CONNECTION_BAD ? as_return(lost()) : Result<Answer>(answer);
      }
      take(*result, answer);
    }
  }

 private:
  struct Closer {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  explicit Console(PGconn* connection) : connection_(connection) {}

  Status wait_connected(MonoTime deadline) {
    PGconn* conn = connection_.get();
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    while (next != PGRES_POLLING_OK) {
      if (conn == nullptr || PQstatus(conn) == CONNECTION_BAD || next == PGRES_POLLING_FAILED) {
        return lost();
      }
      if (mono_now() >= deadline) {
        return {StatusCode::kUnavailable, "PgBouncer's console did not answer in time",
                "PgBouncerUnreachable"};
      }
      pollfd entry{PQsocket(conn), next == PGRES_POLLING_READING ? short{POLLIN} : short{POLLOUT},
                   0};
      if (::poll(&entry, 1, kPollSliceMs) > 0) {
        next = PQconnectPoll(conn);
      }
    }
    return {};
  }

  Status lost() const {
    std::string why = connection_ ? one_line(PQerrorMessage(connection_.get())) : "out of memory";
    if (const auto at = password_.empty() ? std::string::npos : why.find(password_);
        at != std::string::npos) {
      why.replace(at, password_.size(), "***");
    }
    return {StatusCode::kUnavailable, "PgBouncer's console: " + why, "PgBouncerUnreachable"};
  }

  static void take(const PGresult& result, Answer& answer) {
    switch (PQresultStatus(&result)) {
      case PGRES_TUPLES_OK:
        for (int r = 0; r < PQntuples(&result); ++r) {
          auto& row = answer.rows.emplace_back();
          for (const char* column : {"name", "database", "sv_login"}) {
            const int c = PQfnumber(&result, column);
            row.emplace_back(c < 0 ? "" : PQgetvalue(&result, r, c));
          }
        }
        break;
      case PGRES_COMMAND_OK:
      case PGRES_EMPTY_QUERY:
        break;
      default:
        answer.failed = one_line(PQresultErrorMessage(&result));
    }
  }

  std::unique_ptr<PGconn, Closer> connection_;
  std::string password_;
};

Result<Answer> ask_at_once(Console& console, const std::string& command) {
  ASSIGN_OR_RETURN(Answer answer, console.ask(command, mono_now() + kAnswerPatience, {}));
  if (answer.late) {
    return error(StatusCode::kUnavailable,
                 fmt::format("PgBouncer's console did not answer {} in time", command),
                 "PgBouncerUnreachable");
  }
  return answer;
}

// A pool is named by its own name, which need not be that of the database. One that only `*` can
// stand for is listed once somebody has used it; PAUSE makes it.
Result<std::vector<std::string>> pools_of(Console& console, const std::string& database) {
  ASSIGN_OR_RETURN(const Answer listed, ask_at_once(console, "SHOW DATABASES"));
  if (!listed.failed.empty()) {
    return error(
        StatusCode::kPermissionDenied,
        fmt::format("PgBouncer refused SHOW DATABASES: {}; the user of spec.pgbouncer.adminUrlFrom "
                    "must be one of admin_users",
                    listed.failed),
        "PgBouncerRefused");
  }
  std::vector<std::string> pools;
  for (const auto& row : listed.rows) {
    if (row[1] == database && row[0] != kConsole) {
      pools.push_back(row[0]);
    }
  }
  if (pools.empty()) {
    pools.push_back(database);
  }
  return pools;
}

// PAUSE cuts off a connection to the server that is being opened, and PgBouncer takes that for a
// server that is down: after RESUME it would open none for server_login_retry (15 s). A pool that
// grows opens one after the other, with moments in between.
Status wait_for_logins(Console& console, const std::string& pool, const std::stop_token& stop) {
  const MonoTime deadline = mono_now() + kLoginPatience;
  MonoTime quiet_since = mono_now();
  while (mono_now() < deadline && !stop.stop_requested()) {
    ASSIGN_OR_RETURN(const Answer pools, ask_at_once(console, "SHOW POOLS"));
    const bool opening = std::any_of(pools.rows.begin(), pools.rows.end(), [&](const auto& row) {
      return row[1] == pool && row[2] != "0" && !row[2].empty();
    });
    if (opening) {
      quiet_since = mono_now();
    } else if (mono_now() - quiet_since >= kQuiet) {
      return {};
    }
    std::this_thread::sleep_for(kLoginPoll);
  }
  return {};
}

}  // namespace

Result<std::string> resolve_pooler_url(const PgBouncerRef& ref) {
  const auto refused = [](std::string message) {
    return error(StatusCode::kInvalidArgument, std::move(message), "NoPgBouncerUrl");
  };
  std::string url;
  if (!ref.admin_url_env.empty()) {
    const char* text = std::getenv(ref.admin_url_env.c_str());  // NOLINT(concurrency-mt-unsafe)
    if (text == nullptr) {
      return refused(
          fmt::format("environment variable {} is not set; spec.pgbouncer.adminUrlFrom.env must "
                      "name one that holds the URL of PgBouncer's console",
                      ref.admin_url_env));
    }
    url = text;
  } else {
    std::ifstream file(ref.admin_url_file);
    if (!file) {
      return refused(
          fmt::format("{}: cannot be read; spec.pgbouncer.adminUrlFrom.file must name a readable "
                      "file that holds the URL of PgBouncer's console",
                      ref.admin_url_file));
    }
    url.assign(std::istreambuf_iterator<char>(file), {});
  }
  url.erase(url.find_last_not_of(" \t\r\n") + 1);
  if (url.empty()) {
    return refused(
        "spec.pgbouncer.adminUrlFrom names no URL; write one such as "
        "postgresql://admin@host:6432/pgbouncer there");
  }
  return url;
}

Result<bool> pause_pools(const std::string& url, const std::string& database, Duration patience,
                         const std::stop_token& stop) {
  ASSIGN_OR_RETURN(Console listing, Console::open(url));
  ASSIGN_OR_RETURN(const std::vector<std::string> pools, pools_of(listing, database));
  const MonoTime deadline = mono_now() + patience;
  bool drained = true;
  for (const std::string& pool : pools) {
    ASSIGN_OR_RETURN(Console console, Console::open(url));  // a late one is thrown away
    RETURN_IF_ERROR(wait_for_logins(console, pool, stop));
    ASSIGN_OR_RETURN(const Answer answer,
                     console.ask("PAUSE " + Connection::quote_identifier(pool),
                                 std::max(deadline, mono_now() + kLeastPatience), stop));
    if (stop.stop_requested()) {
      return error(StatusCode::kCancelled, "stopped while waiting for PgBouncer");
    }
    if (!answer.failed.empty()) {
      return error(StatusCode::kFailedPrecondition,
                   fmt::format("PgBouncer does not pause {}: {}; SHOW DATABASES lists what it "
                               "leads to; correct spec.pgbouncer, or leave it out",
                               pool, answer.failed),
                   "PgBouncerDatabaseMissing");
    }
    drained = drained && !answer.late;
  }
  return drained;
}

Status resume_pools(const std::string& url, const std::string& database) {
  ASSIGN_OR_RETURN(Console console, Console::open(url));
  ASSIGN_OR_RETURN(const std::vector<std::string> pools, pools_of(console, database));
  for (const std::string& pool : pools) {
    ASSIGN_OR_RETURN(const Answer answer,
                     ask_at_once(console, "RESUME " + Connection::quote_identifier(pool)));
    // Not paused, or not there: nobody is held.
    const bool nothing = answer.failed.find("not paused") != std::string::npos ||
                         answer.failed.find("no such database") != std::string::npos;
    if (!answer.failed.empty() && !nothing) {
      return {StatusCode::kUnavailable,
              fmt::format("PgBouncer does not resume {}: {}; its clients wait until somebody says "
                          "RESUME on its console",
                          pool, answer.failed),
              "PgBouncerRefused"};
    }
  }
  return {};
}

}  // namespace ripcord::postgres
