// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/crash_matrix/postgres_lab.h"

#include "controller/codec/migration_history.h"
#include "tests/support/paths/paths.h"
#include "tests/support/process.h"

#include <csignal>
#include <stdexcept>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr std::string_view kControllers =
    "FROM pg_stat_activity WHERE application_name = 'ripcord migrations' AND datname = "
    "current_database()";

}  // namespace

std::string_view to_string(Disturbance how) {
  switch (how) {
    case Disturbance::kCutConnection:
      return "the connection is cut";
    case Disturbance::kKillController:
      return "the controller is killed";
    case Disturbance::kKillServer:
      return "the server is killed";
  }
  return "";
}

postgres::Rows ask(postgres::Connection& connection, const std::string& sql) {
  auto rows = connection.execute(sql);
  if (!rows) {
    throw std::runtime_error(sql + ": " + rows.error().message());
  }
  return std::move(*rows);
}

std::string ask_value(postgres::Connection& connection, const std::string& sql) {
  const postgres::Rows rows = ask(connection, sql);
  return rows.rows.empty() ? "" : rows.rows[0][0].value_or("");
}

std::string committed_in(postgres::Connection& session) {
  const auto rows = session.execute(
      "SELECT (SELECT count(*) FROM ripcord.applied), (SELECT string_agg(concat(version, "
      "direction, "
      "step, finished_at IS NOT NULL), ' ' ORDER BY version, direction, step) FROM "
      "ripcord.journal)");
  if (!rows) {
    return "nothing";
  }
  return rows->rows[0][0].value_or("") + " " + rows->rows[0][1].value_or("");
}

WatchedDatabase::WatchedDatabase(PostgresLab& lab, std::string name)
    : lab_(lab), name_(std::move(name)) {
  connect();
}

DatabaseRef WatchedDatabase::ref() const {
  return postgres_ref(lab_.cluster().url(name_));
}

void WatchedDatabase::connect() {
  auto opened = postgres::Connection::open(lab_.cluster().url(name_));
  if (!opened) {
    throw std::runtime_error(opened.error().message());
  }
  session_ = std::make_unique<postgres::Connection>(std::move(*opened));
}

void WatchedDatabase::disconnect() {
  session_.reset();
}

std::string WatchedDatabase::dump(MigrationLayout layout) {
  std::string text = ask_value(*session_, "SELECT oracle.dump()");
  for (const auto& row : ask(*session_, history_query(layout)).rows) {
    text += "\nhistory";
    for (const auto& value : row) {
      text += " " + value.value_or("NULL");
    }
  }
  return text;
}

std::string WatchedDatabase::committed() {
  return committed_in(*session_);
}

void WatchedDatabase::stop_at(int change) {
  ask(*session_, fmt::format("UPDATE oracle.stop SET at = {}; SELECT setval('oracle.turn', 1, "
                             "false)",
                             change));
}

std::optional<int> WatchedDatabase::backend(const std::string& condition) {
  const std::string pid =
      ask_value(*session_, fmt::format("SELECT pid {} AND {}", kControllers, condition));
  return pid.empty() ? std::nullopt : std::optional(std::stoi(pid));
}

std::optional<int> WatchedDatabase::stopped() {
  return backend("wait_event = 'PgSleep'");
}

std::optional<int> WatchedDatabase::waits_for_others() {
  return backend("wait_event_type = 'Lock' AND query ~* '(concurrently|finalize)'");
}

void WatchedDatabase::wait_for_quiet() {
  // The sessions of a killed controller notice within half a second.
  const bool quiet = eventually([&] {
    return ask_value(*session_,
                     "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                     "pid <> pg_backend_pid() AND backend_type = 'client backend'") == "0";
  });
  if (!quiet) {
    throw std::runtime_error("a session of a killed controller stays");
  }
}

PostgresLab::PostgresLab() {
  cluster_.psql("postgres", "CREATE DATABASE oracle_template");
  cluster_.psql("oracle_template",
                read_file(source_dir() + "/tests/integration/crash_matrix/oracle.sql"));
}

WatchedDatabase PostgresLab::fresh(const std::string& hint, const std::string& source) {
  std::string name = fmt::format("{}_{}", hint, ++count_);
  cluster_.psql("postgres", fmt::format("CREATE DATABASE {} TEMPLATE {}", name, source));
  return {*this, std::move(name)};
}

void PostgresLab::disturb(WatchedDatabase& database, Disturbance how, pid_t controller,
                          int backend) {
  switch (how) {
    case Disturbance::kCutConnection:
      ask(database.session(), fmt::format("SELECT pg_terminate_backend({})", backend));
      break;
    case Disturbance::kKillController:
      ::kill(controller, SIGKILL);
      break;
    case Disturbance::kKillServer:
      cluster_.kill9();
      break;
  }
  const int code = wait_forked(controller);
  if (how == Disturbance::kKillServer) {
    cluster_.start();
    database.connect();
  }
  const int wanted = how == Disturbance::kKillController ? 128 + SIGKILL : kInterrupted;
  if (code != wanted) {
    throw std::runtime_error(fmt::format("when {} it ended with {}", to_string(how), code));
  }
  database.wait_for_quiet();
}

PostgresLab& shared_lab() {
  static PostgresLab lab;
  return lab;
}

}  // namespace ripcord
