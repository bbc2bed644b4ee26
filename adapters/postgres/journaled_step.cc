// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/journaled_step.h"

#include "adapters/postgres/schema_session.h"
#include "adapters/postgres/statement_probe.h"
#include "controller/base/sha256.h"

#include <cstdlib>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

constexpr std::string_view kTargetMark = "\n-- target: ";

std::int64_t milliseconds(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

// What the journal keeps behind a statement's text.
std::string target_in(const std::string& kept, const std::string& statement) {
  const std::string head = statement + std::string(kTargetMark);
  return kept.rfind(head, 0) == 0 ? kept.substr(head.size()) : "";
}

const char* direction_of(const MigrationStep& step) {
  return step.direction == Direction::kUp ? "up" : "down";
}

}  // namespace

std::string begin_sql(const MigrationPolicy& policy, const std::string& look_sql) {
  return fmt::format("BEGIN; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}; {}",
                     milliseconds(policy.lock_timeout), milliseconds(policy.statement_timeout),
                     look_sql);
}

std::string locking_look_sql(const SchemaTables& tables, const std::string& look_sql) {
  return look_sql + (is_one_row(tables) ? " FOR UPDATE" : "");
}

bool is_one_row(const SchemaTables& tables) {
  return tables.history->layout() == MigrationLayout::kGolangMigrate;
}

std::string JournaledStep::entry_key(const MigrationStep& step) const {
  return fmt::format("home = {} AND version = {} AND direction = '{}'",
                     Connection::quote_literal(tables_.home), step.migration.version,
                     direction_of(step));
}

std::string JournaledStep::forget_sql(const MigrationStep& step) const {
  return fmt::format("DELETE FROM ripcord.journal WHERE {};", entry_key(step));
}

std::string JournaledStep::insert_sql(const Item& item, bool finished,
                                      const std::string& target) const {
  return fmt::format(
      "INSERT INTO ripcord.journal (home, version, direction, step, total, digest, statement, "
      "finished_at) VALUES ({}, {}, '{}', {}, {}, '{}', {}, {});",
      Connection::quote_literal(tables_.home), item.step.migration.version, direction_of(item.step),
      item.index, item.step.statements.size(), sha256_hex(item.statement.text),
      Connection::quote_literal(target.empty()
                                    ? item.statement.text
                                    : item.statement.text + std::string(kTargetMark) + target),
      finished ? "clock_timestamp()" : "NULL");
}

Status JournaledStep::run_sql(const std::string& sql, const std::stop_token& stop) {
  const auto ran = connection_.execute(sql, stop);
  return ran ? ok_status() : ran.error();
}

Result<std::map<int, JournaledStep::Entry>> JournaledStep::read_entries(const MigrationStep& step) {
  ASSIGN_OR_RETURN(const Rows rows,
                   connection_.execute(fmt::format("SELECT step, digest, finished_at IS NOT NULL, "
                                                   "statement FROM ripcord.journal WHERE {}",
                                                   entry_key(step))));
  std::map<int, Entry> entries;
  for (const auto& row : rows.rows) {
    entries[std::atoi(row[0]->c_str())] = {row[1].value_or(""), row[2] == "t", row[3].value_or("")};
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
    const Status ran = run_one({step, statement, ++index}, entries, policy, stop);
    if (!ran.ok() && ran.reason() == "StatementFailed") {
      return codec::with_what_holds(ran, static_cast<std::size_t>(index) - 1,
                                    step.statements.size());
    }
    RETURN_IF_ERROR(ran);
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
    return sets_session(item.statement.text) ? run_sql(item.statement.text, stop) : ok_status();
  }
  ASSIGN_OR_RETURN(const Outcome found,
                   probe_statement(connection_, item.statement.text,
                                   target_in(entry->second.statement, item.statement.text)));
  if (found == Outcome::kUnknown) {
    return {
        StatusCode::kFailedPrecondition,
        fmt::format("{0}:{1}: statement {3} of {4} began, and it cannot be told whether what holds "
                    "is the state before or after it; those in front of it hold. Look whether it "
                    "took effect, then run UPDATE ripcord.journal SET finished_at = now() WHERE "
                    "{2} AND step = {3} (it did) or DELETE FROM ripcord.journal WHERE {2} AND step "
                    "= {3} (it did not)",
                    label_of(item.step), item.statement.line, entry_key(item.step), item.index,
                    item.step.statements.size()),
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
  if (found == Outcome::kHalfDone) {
    trace_point(trace_, "before the second half of a statement");
    // Unlike its first half, the second takes a lock that others have to wait behind.
    RETURN_IF_ERROR(run_sql(fmt::format("SET lock_timeout = {}; SET statement_timeout = {}",
                                        milliseconds(policy.lock_timeout),
                                        milliseconds(policy.statement_timeout))));
    RETURN_IF_ERROR(
        with_retries(clock_, stop, [&] { return finish_half(connection_, item.statement.text); }));
    trace_point(trace_, "after the second half of a statement");
  }
  return run_sql(fmt::format(
      "UPDATE ripcord.journal SET finished_at = clock_timestamp() WHERE {} AND step = {}",
      entry_key(item.step), item.index));
}

Status JournaledStep::run_inside(const Item& item, const MigrationPolicy& policy,
                                 const std::stop_token& stop) {
  return with_retries(clock_, stop, [&]() -> Status {
    trace_point(trace_, "before a journaled transaction");
    Status status = run_sql(
        begin_sql(policy, locking_look_sql(tables_, tables_.history->select_sql(tables_.table))),
        stop);
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

Status JournaledStep::run_beside_others(const Item& item, const std::stop_token& stop) {
  const LockQueue queue(open_, MigrationLocks::of(tables_), clock_);
  return run_sql(item.statement.text, stop);
}

bool JournaledStep::nothing_is_left(const std::string& statement) {
  if (!clear_leftover(connection_, statement).ok()) {
    return false;
  }
  const auto found = probe_statement(connection_, statement);
  return found && *found != Outcome::kHalfDone;
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
  ASSIGN_OR_RETURN(const std::string target, target_of(connection_, item.statement.text));
  RETURN_IF_ERROR(run_sql(insert_sql(item, false, target)));
  trace_point(trace_, "before a statement outside a transaction");
  Status ran = run_beside_others(item, stop);
  trace_point(trace_, "after a statement outside a transaction");
  // What was there before is not ours to clear up.
  const bool ours = !ran.ok() && connection_.last_error().sqlstate != "42P07";
  if (ran.ok()) {
    ran = verify_statement(connection_, item.statement.text);
  }
  if (!ran.ok()) {
    const Status failure = located(ran, connection_.last_error(), item.step, item.statement);
    // Refused cleanly: nothing is left behind, and the statement has not begun.
    if (connection_.alive() && (!ours || nothing_is_left(item.statement.text))) {
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
