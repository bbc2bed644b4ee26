// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/transitions.h"

#include "adapters/postgres/schema_session.h"
#include "adapters/postgres/transition_sync.h"
#include "adapters/postgres/transition_validation.h"
#include "controller/base/sha256.h"

#include <cstdlib>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

constexpr std::string_view kCreateTable =
    "CREATE SCHEMA IF NOT EXISTS ripcord;"
    "CREATE TABLE IF NOT EXISTS ripcord.transitions (home text NOT NULL, name text NOT NULL, "
    "digest text NOT NULL, cursor text, rows bigint NOT NULL DEFAULT 0, scanned bigint NOT NULL "
    "DEFAULT 0, total bigint NOT NULL DEFAULT 0, ddl text NOT NULL DEFAULT '', made text NOT NULL "
    "DEFAULT '', validated text NOT NULL DEFAULT '', started_at timestamptz NOT NULL DEFAULT "
    "clock_timestamp(), finished_at timestamptz, PRIMARY KEY (home, name));";

// What the server believes the table holds, with what inherits from it; below this size a table
// that was never analyzed is counted.
constexpr std::string_view kEstimate =
    "WITH RECURSIVE family AS (SELECT $1::regclass::oid AS oid UNION SELECT i.inhrelid FROM "
    "pg_inherits i JOIN family f ON i.inhparent = f.oid) SELECT sum(greatest(c.reltuples, "
    "0))::bigint, sum(pg_relation_size(c.oid))::bigint FROM family f JOIN pg_class c USING (oid)";
constexpr std::int64_t kCountedBytes = 64 * 1024 * 1024;

constexpr const char* kSavepoint = "SAVEPOINT ripcord_transition";

std::int64_t number(const Value& value) {
  return value ? std::strtoll(value->c_str(), nullptr, 10) : 0;
}

std::int64_t milliseconds(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

std::string label_of(const Transition& transition) {
  return "transition " + transition.name;
}

Result<std::int64_t> estimate_rows(Connection& connection, const std::string& table) {
  ASSIGN_OR_RETURN(const Rows rows, connection.query(std::string(kEstimate), {table}));
  const std::int64_t estimate = number(rows.rows[0][0]);
  if (estimate > 0 || number(rows.rows[0][1]) > kCountedBytes) {
    return estimate;
  }
  ASSIGN_OR_RETURN(const Rows counted, connection.query("SELECT count(*) FROM " + table));
  return number(counted.rows[0][0]);
}

}  // namespace

struct PostgresTransitions::Row {
  std::string digest;
  std::int64_t rows = 0;
  std::int64_t scanned = 0;
  std::int64_t total = 0;
  std::string ddl;
  std::string made;
  std::string validated;
  bool finished = false;
  bool in_force = false;  // begun since its expand was applied
};

std::string PostgresTransitions::row_key(const std::string& name) const {
  return fmt::format("home = {} AND name = {}", Connection::quote_literal(tables_.home),
                     Connection::quote_literal(name));
}

Status PostgresTransitions::run_sql(const std::string& sql, const std::stop_token& stop) {
  return status_of_rows(connection_.execute(sql, stop));
}

Result<bool> PostgresTransitions::has_table() {
  if (!table_known_) {
    ASSIGN_OR_RETURN(const Rows rows,
                     connection_.query("SELECT to_regclass('ripcord.transitions') IS NOT NULL AND "
                                       "to_regclass('ripcord.applied') IS NOT NULL"));
    table_known_ = rows.rows[0][0] == "t";
  }
  return table_known_;
}

Result<std::map<std::string, PostgresTransitions::Row>> PostgresTransitions::read_rows(
    const std::vector<Transition>& declared) {
  std::map<std::string, Row> all;
  ASSIGN_OR_RETURN(const bool there, has_table());
  if (!there) {
    return all;
  }
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection_.query("SELECT name, digest, rows, scanned, total, ddl, made, validated, "
                        "finished_at IS NOT NULL FROM ripcord.transitions WHERE home = $1",
                        {tables_.home}));
  for (const auto& row : rows.rows) {
    all[row[0].value_or("")] = {row[1].value_or(""), number(row[2]),      number(row[3]),
                                number(row[4]),      row[5].value_or(""), row[6].value_or(""),
                                row[7].value_or(""), row[8] == "t",       true};
  }
  for (const Transition& transition : declared) {
    const auto row = all.find(transition.name);
    if (row == all.end()) {
      continue;
    }
    ASSIGN_OR_RETURN(
        const Rows older,
        connection_.query("SELECT FROM ripcord.transitions t JOIN ripcord.applied a USING (home) "
                          "WHERE t.home = $1 AND t.name = $2 AND a.version = $3 AND t.started_at < "
                          "a.applied_at",
                          {tables_.home, transition.name, std::to_string(transition.expand)}));
    row->second.in_force = older.rows.empty();
  }
  return all;
}

Result<TransitionStates> PostgresTransitions::read(const std::vector<Transition>& declared) {
  ASSIGN_OR_RETURN(auto rows, read_rows(declared));
  TransitionStates states;
  for (const Transition& transition : declared) {
    const auto row = rows.find(transition.name);
    ASSIGN_OR_RETURN(TransitionState state,
                     state_of(transition, row == rows.end() ? nullptr : &row->second));
    states.declared.push_back(std::move(state));
    rows.erase(transition.name);
  }
  for (const auto& [name, row] : rows) {
    states.orphans.push_back(name);
  }
  return states;
}

Result<TransitionState> PostgresTransitions::state_of(const Transition& transition,
                                                      const Row* row) {
  TransitionState state;
  if (row != nullptr && row->digest == work_digest(transition) && row->in_force) {
    state.begun = true;
    state.finished = row->finished;
    state.validated = row->finished && row->validated == validation_digest(transition);
    state.rows = row->rows;
    state.scanned = row->scanned;
    state.rows_total = row->total;
  }
  ASSIGN_OR_RETURN(const SyncInPlace sync,
                   read_sync(connection_, sync_function(tables_.home, transition.name)));
  state.triggered = sync.there;
  if (!transition.sync) {
    state.synced = !sync.there;
    return state;
  }
  if (row == nullptr || row->made.empty()) {
    return state;
  }
  if (!sync.there) {
    state.unsynced = "its trigger is not there";
  } else if (sync.fingerprint != row->made) {
    state.unsynced = "its trigger is not as it was made";
  } else {
    // Not an error here: sync() says what does not fit.
    const auto wanted = make_sync_sql(connection_, tables_.home, transition);
    state.synced = wanted && sha256_hex(*wanted) == row->ddl;
    state.unsynced = state.synced ? "" : "the table is not as it was when the trigger was made";
  }
  return state;
}

Status PostgresTransitions::in_transaction(const MigrationPolicy& policy,
                                           const std::stop_token& stop,
                                           const std::function<Status()>& body) {
  return with_retries(clock_, stop, [&]() -> Status {
    trace_point(trace_, "before a transition's BEGIN");
    Status status = run_sql(
        fmt::format("BEGIN; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}",
                    milliseconds(policy.lock_timeout), milliseconds(policy.statement_timeout)),
        stop);
    if (status.ok()) {
      status = body();
    }
    if (status.ok()) {
      trace_point(trace_, "before a transition's COMMIT");
      status = run_sql("COMMIT");
      trace_point(trace_, "after a transition's COMMIT");
    }
    if (!status.ok() && connection_.alive()) {
      static_cast<void>(connection_.execute("ROLLBACK"));
    }
    table_known_ = table_known_ && status.ok();
    return status;
  });
}

Status PostgresTransitions::sync(const Transition& transition, bool wanted,
                                 const MigrationPolicy& policy, std::stop_token stop) {
  backfills_.erase(transition.name);
  return in_transaction(policy, stop, [&]() -> Status {
    if (wanted) {
      return begin(transition);
    }
    // Named only: declared no longer.
    const bool orphan = !transition.sync && !transition.backfill && transition.validations.empty();
    RETURN_IF_ERROR(drop_trigger(transition.name));
    return orphan ? forget(transition.name) : ok_status();
  });
}

Status PostgresTransitions::begin(const Transition& transition) {
  ASSIGN_OR_RETURN(const bool there, has_table());
  if (!there) {
    RETURN_IF_ERROR(run_sql(std::string(kCreateTable)));
  }
  ASSIGN_OR_RETURN(const auto rows, read_rows({transition}));
  const auto row = rows.find(transition.name);
  if (row == rows.end() || row->second.digest != work_digest(transition) || !row->second.in_force) {
    std::int64_t total = 0;
    if (transition.backfill) {
      ASSIGN_OR_RETURN(const std::string table,
                       resolve_table(connection_, transition.backfill->table));
      ASSIGN_OR_RETURN(total, estimate_rows(connection_, table));
    }
    RETURN_IF_ERROR(forget(transition.name));
    RETURN_IF_ERROR(status_of_rows(connection_.query(
        "INSERT INTO ripcord.transitions (home, name, digest, total, finished_at) VALUES ($1, $2, "
        "$3, $4, CASE WHEN $5 = '' THEN clock_timestamp() END)",
        {tables_.home, transition.name, work_digest(transition), std::to_string(total),
         transition.backfill ? "backfill" : ""})));
  }
  if (!transition.sync) {
    return drop_trigger(transition.name);
  }
  RETURN_IF_ERROR(make_trigger(transition));
  // Begun and without a trigger: it comes back from its contract.
  const bool back = row != rows.end() && row->second.made.empty() && row->second.in_force &&
                    row->second.digest == work_digest(transition);
  return back ? settle_by_new(connection_, *transition.sync, row->second.finished) : ok_status();
}

Status PostgresTransitions::make_trigger(const Transition& transition) {
  const std::string function = sync_function(tables_.home, transition.name);
  ASSIGN_OR_RETURN(const std::string ddl, make_sync_sql(connection_, tables_.home, transition));
  RETURN_IF_ERROR(check_expressions(connection_, *transition.sync));
  ASSIGN_OR_RETURN(const SyncInPlace before, read_sync(connection_, function));
  // Dropping locks out readers too, so it is left where there is nothing.
  RETURN_IF_ERROR(run_sql((before.there ? drop_sync_sql(function) : "") + ddl));
  ASSIGN_OR_RETURN(const SyncInPlace made, read_sync(connection_, function));
  return run_sql(fmt::format("UPDATE ripcord.transitions SET ddl = '{}', made = '{}' WHERE {}",
                             sha256_hex(ddl), made.fingerprint, row_key(transition.name)));
}

Status PostgresTransitions::drop_trigger(const std::string& name) {
  const std::string function = sync_function(tables_.home, name);
  ASSIGN_OR_RETURN(const SyncInPlace sync, read_sync(connection_, function));
  if (sync.there) {
    RETURN_IF_ERROR(run_sql(drop_sync_sql(function)));
  }
  ASSIGN_OR_RETURN(const bool there, has_table());
  // What holds now need not hold when it comes back.
  return there
             ? run_sql("UPDATE ripcord.transitions SET made = '', ddl = '', validated = '' WHERE " +
                       row_key(name))
             : ok_status();
}

Status PostgresTransitions::forget(const std::string& name) {
  return run_sql("DELETE FROM ripcord.transitions WHERE " + row_key(name));
}

Result<TransitionBatch> PostgresTransitions::backfill(const Transition& transition,
                                                      const MigrationPolicy& policy,
                                                      std::stop_token stop) {
  auto& work = backfills_[transition.name];
  if (!work) {
    work = std::make_unique<Backfill>(connection_, clock_, trace_, row_key(transition.name));
  }
  return work->next(*transition.backfill, policy, stop);
}

Result<std::vector<std::string>> PostgresTransitions::validate(const Transition& transition,
                                                               const MigrationPolicy& policy,
                                                               std::stop_token stop) {
  std::vector<std::string> broken;
  for (const TransitionValidation& each : transition.validations) {
    trace_point(trace_, "before a validation");
    ASSIGN_OR_RETURN(const std::string found, check(connection_, each, policy, stop));
    if (!found.empty()) {
      broken.push_back(found);
    }
  }
  if (broken.empty()) {
    // It is finished when it is seen to hold.
    RETURN_IF_ERROR(run_sql(fmt::format(
        "UPDATE ripcord.transitions SET finished_at = CASE validated WHEN '{0}' THEN finished_at "
        "ELSE clock_timestamp() END, validated = '{0}' WHERE {1}",
        validation_digest(transition), row_key(transition.name))));
  }
  return broken;
}

Status PostgresTransitions::before_body() {
  const auto end = [&](const Transition& transition, bool forgotten) -> Status {
    RETURN_IF_ERROR(drop_trigger(transition.name).annotated(label_of(transition)));
    ASSIGN_OR_RETURN(const bool there, has_table());
    return forgotten && there ? forget(transition.name) : ok_status();
  };
  for (const Transition& transition : edges_.end) {
    RETURN_IF_ERROR(end(transition, false));
  }
  for (const Transition& transition : edges_.forget) {
    RETURN_IF_ERROR(end(transition, true));
  }
  return {};
}

Status PostgresTransitions::after_body() {
  for (const Transition& transition : edges_.begin) {
    RETURN_IF_ERROR(run_sql(kSavepoint));
    if (begin(transition).ok()) {
      RETURN_IF_ERROR(run_sql(fmt::format("RELEASE {}", kSavepoint)));
      continue;
    }
    // It is begun when the version stands, where its failure can be shown.
    RETURN_IF_ERROR(run_sql(fmt::format("ROLLBACK TO {0}; RELEASE {0}", kSavepoint)));
    table_known_ = false;
  }
  return {};
}

}  // namespace ripcord::postgres
