// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/journaled_step.h"

#include "adapters/postgres/schema_session.h"
#include "adapters/postgres/statement_probe.h"
#include "controller/base/sha256.h"

#include <cstdlib>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

std::int64_t milliseconds(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

const char* direction_of(const MigrationStep& step) {
  return step.direction == Direction::kUp ? "up" : "down";
}

}  // namespace

std::string begin_sql(const SchemaTables& tables, const MigrationPolicy& policy,
                      const std::string& look_sql) {
  // One row can be locked; to lock all rows of a long history would rewrite it each time.
  const bool one_row = tables.history->layout() == MigrationLayout::kGolangMigrate;
  return fmt::format("BEGIN; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}; {}{}",
                     milliseconds(policy.lock_timeout), milliseconds(policy.statement_timeout),
                     look_sql, one_row ? " FOR UPDATE" : "");
}

std::string JournaledStep::entry_key(const MigrationStep& step) const {
  return fmt::format("home = {} AND version = {} AND direction = '{}'",
                     Connection::quote_literal(tables_.home), step.migration.version,
                     direction_of(step));
}

std::string JournaledStep::forget_sql(const MigrationStep& step) const {
  return fmt::format("DELETE FROM ripcord.journal WHERE {};", entry_key(step));
}

std::string JournaledStep::insert_sql(const Item& item, bool finished) const {
  return fmt::format(
      "INSERT INTO ripcord.journal (home, version, direction, step, total, digest, statement, "
      "finished_at) VALUES ({}, {}, '{}', {}, {}, '{}', {}, {});",
      Connection::quote_literal(tables_.home), item.step.migration.version, direction_of(item.step),
      item.index, item.step.statements.size(), sha256_hex(item.statement.text),
      Connection::quote_literal(item.statement.text), finished ? "clock_timestamp()" : "NULL");
}

Status JournaledStep::run_sql(const std::string& sql, const std::stop_token& stop) {
  const auto ran = connection_.execute(sql, stop);
  return ran ? ok_status() : ran.error();
}

Result<std::map<int, JournaledStep::Entry>> JournaledStep::read_entries(const MigrationStep& step) {
  ASSIGN_OR_RETURN(const Rows rows,
                   connection_.execute(fmt::format("SELECT step, digest, finished_at IS NOT NULL "
                                                   "FROM ripcord.journal WHERE {}",
                                                   entry_key(step))));
  std::map<int, Entry> entries;
  for (const auto& row : rows.rows) {
    entries[std::atoi(row[0]->c_str())] = {row[1].value_or(""), row[2] == "t"};
  }
  return entries;
}

Status JournaledStep::run_statements(const MigrationStep& step, const MigrationPolicy& policy,
                                     const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const auto entries, read_entries(step));
  int index = 0;
  for (const SqlStatement& statement : step.statements) {
    if (stop.stop_requested()) {
      return {StatusCode::kCancelled, "stopped between two statements"};
    }
    RETURN_IF_ERROR(run_one({step, statement, ++index}, entries, policy, stop));
  }
  return {};
}

Status JournaledStep::run_one(const Item& item, const std::map<int, Entry>& entries,
                              const MigrationPolicy& policy, const std::stop_token& stop) {
  const auto entry = entries.find(item.index);
  if (entry == entries.end()) {
    return item.statement.needs_no_transaction ? run_outside(item, policy, stop)
                                               : run_inside(item, policy, stop);
  }
  if (entry->second.digest != sha256_hex(item.statement.text)) {
    return {
        StatusCode::kFailedPrecondition,
        fmt::format("{}:{}: statement {} was changed after it began; bring the script back as it "
                    "was, it goes on from there (table ripcord.journal)",
                    label_of(item.step), item.statement.line, item.index),
        "ScriptChanged"};
  }
  if (entry->second.finished) {
    return {};
  }
  ASSIGN_OR_RETURN(const Outcome found, probe_statement(connection_, item.statement.text));
  if (found == Outcome::kUnknown) {
    return {
        StatusCode::kFailedPrecondition,
        fmt::format("{}:{}: this statement began and nobody can tell whether it took effect. Look, "
                    "then either UPDATE ripcord.journal SET finished_at = now() WHERE {} AND step "
                    "= {} (it did) or DELETE that row (it did not)",
                    label_of(item.step), item.statement.line, entry_key(item.step), item.index),
        "UnknownOutcome"};
  }
  if (found == Outcome::kNotDone) {
    trace_point(trace_, "before clearing up");
    RETURN_IF_ERROR(clear_leftover(connection_, item.statement.text));
    RETURN_IF_ERROR(run_sql(fmt::format("DELETE FROM ripcord.journal WHERE {} AND step = {}",
                                        entry_key(item.step), item.index)));
    trace_point(trace_, "after clearing up");
    return run_outside(item, policy, stop);
  }
  return run_sql(fmt::format(
      "UPDATE ripcord.journal SET finished_at = clock_timestamp() WHERE {} AND step = {}",
      entry_key(item.step), item.index));
}

Status JournaledStep::run_inside(const Item& item, const MigrationPolicy& policy,
                                 const std::stop_token& stop) {
  return with_retries(clock_, stop, [&]() -> Status {
    trace_point(trace_, "before a journaled transaction");
    Status status =
        run_sql(begin_sql(tables_, policy, tables_.history->select_sql(tables_.table)), stop);
    if (status.ok()) {
      status = run_sql(item.statement.text, stop);
      if (!status.ok()) {
        status = located(status, connection_.last_error(), item.step, item.statement);
      }
    }
    if (status.ok()) {
      status = run_sql(insert_sql(item, true) + "COMMIT");
    }
    if (!status.ok() && connection_.alive()) {
      static_cast<void>(connection_.execute("ROLLBACK"));
    }
    trace_point(trace_, "after a journaled transaction");
    return status;
  });
}

Status JournaledStep::run_outside(const Item& item, const MigrationPolicy& policy,
                                  const std::stop_token& stop) {
  if (Status can = can_probe(item.statement.text); !can.ok()) {
    return can.annotated(fmt::format("{}:{}", label_of(item.step), item.statement.line));
  }
  // CONCURRENTLY waits for other transactions without blocking anybody: no lock_timeout.
  RETURN_IF_ERROR(run_sql(fmt::format("SET lock_timeout = 0; SET statement_timeout = {}",
                                      milliseconds(policy.statement_timeout))));
  trace_point(trace_, "before the journal row");
  RETURN_IF_ERROR(run_sql(insert_sql(item, false)));
  trace_point(trace_, "before a statement outside a transaction");
  Status ran = run_sql(item.statement.text, stop);
  trace_point(trace_, "after a statement outside a transaction");
  // What was there before is not ours to clear up.
  const bool ours = !ran.ok() && connection_.last_error().sqlstate != "42P07";
  if (ran.ok()) {
    ran = verify_statement(connection_, item.statement.text);
  }
  if (!ran.ok()) {
    const Status failure = located(ran, connection_.last_error(), item.step, item.statement);
    // Refused cleanly: nothing is left behind, and the statement has not begun.
    if (connection_.alive() && (!ours || clear_leftover(connection_, item.statement.text).ok())) {
      static_cast<void>(connection_.execute(fmt::format(
          "DELETE FROM ripcord.journal WHERE {} AND step = {}", entry_key(item.step), item.index)));
    }
    return failure;
  }
  RETURN_IF_ERROR(run_sql(fmt::format(
      "UPDATE ripcord.journal SET finished_at = clock_timestamp() WHERE {} AND step = {}",
      entry_key(item.step), item.index)));
  trace_point(trace_, "after the journal row");
  return {};
}

}  // namespace ripcord::postgres
