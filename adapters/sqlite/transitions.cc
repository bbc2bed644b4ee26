// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/transitions.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::sqlite {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kCreateTable =
    "CREATE TABLE IF NOT EXISTS ripcord_transitions (name text PRIMARY KEY, digest text NOT NULL, "
    "cursor text, rows integer NOT NULL DEFAULT 0, scanned integer NOT NULL DEFAULT 0, total "
    "integer NOT NULL DEFAULT 0, made integer NOT NULL DEFAULT 0, validated text NOT NULL DEFAULT "
    "'', started_at text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')), finished_at "
    "text)";
constexpr const char* kNow = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";
constexpr const char* kSavepoint = "SAVEPOINT ripcord_transition";

constexpr int kAttempts = 4;
constexpr auto kRetryDelay = milliseconds(100);
constexpr auto kPatience = milliseconds(5000);
constexpr auto kBatchPatience = milliseconds(200);
constexpr auto kBusyRest = milliseconds(100);
constexpr int kLeftToOthers = 20;  // one part in so many of a batch's time
constexpr auto kLeastLeft = milliseconds(1);
constexpr std::int64_t kCountedRows = 1'000'000;

std::int64_t number(const Value& value) {
  return value ? std::strtoll(value->c_str(), nullptr, 10) : 0;
}

std::string label_of(const Transition& transition) {
  return "transition " + transition.name;
}

Status status_of(const Result<Rows>& rows) {
  return rows ? ok_status() : rows.error();
}

std::string update_sql(const std::string& table, const TransitionBackfill& declared,
                       const std::string& range) {
  return fmt::format("UPDATE {} SET {}\nWHERE {}{}", quote_name(table), declared.set, range,
                     declared.where.empty() ? "" : " AND (" + declared.where + "\n)");
}

Status unfit(std::string message) {
  return {StatusCode::kFailedPrecondition, std::move(message), "BadTransition"};
}

}  // namespace

struct SqliteTransitions::Row {
  std::string digest;
  std::int64_t rows = 0;
  std::int64_t scanned = 0;
  std::int64_t total = 0;
  bool made = false;
  std::string validated;
  bool finished = false;
  bool in_force = false;  // begun since its expand was applied
};

Result<bool> SqliteTransitions::has_table() {
  ASSIGN_OR_RETURN(const Rows rows,
                   connection_.query("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND "
                                     "name IN ('ripcord_transitions', 'ripcord_applied')"));
  return rows.rows[0][0] == "2";
}

Result<std::map<std::string, SqliteTransitions::Row>> SqliteTransitions::read_rows(
    const std::vector<Transition>& declared) {
  std::map<std::string, Row> all;
  ASSIGN_OR_RETURN(const bool there, has_table());
  if (!there) {
    return all;
  }
  ASSIGN_OR_RETURN(const Rows rows,
                   connection_.query("SELECT name, digest, rows, scanned, total, made, validated, "
                                     "finished_at IS NOT NULL FROM ripcord_transitions"));
  for (const auto& row : rows.rows) {
    all[row[0].value_or("")] = {
        row[1].value_or(""), number(row[2]),      number(row[3]), number(row[4]),
        row[5] == "1",       row[6].value_or(""), row[7] == "1",  true};
  }
  for (const Transition& transition : declared) {
    const auto row = all.find(transition.name);
    if (row == all.end()) {
      continue;
    }
    ASSIGN_OR_RETURN(
        const Rows older,
        connection_.query("SELECT 1 FROM ripcord_transitions t, ripcord_applied a WHERE t.name = "
                          "?1 AND a.version = ?2 AND t.started_at < a.applied_at",
                          {transition.name, std::to_string(transition.expand)}));
    row->second.in_force = older.rows.empty();
  }
  return all;
}

Result<TransitionStates> SqliteTransitions::read(const std::vector<Transition>& declared) {
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

Result<TransitionState> SqliteTransitions::state_of(const Transition& transition, const Row* row) {
  TransitionState state;
  if (row != nullptr && row->digest == work_digest(transition) && row->in_force) {
    state.begun = true;
    state.finished = row->finished;
    state.validated = row->finished && row->validated == validation_digest(transition);
    state.rows = row->rows;
    state.scanned = row->scanned;
    state.rows_total = row->total;
  }
  ASSIGN_OR_RETURN(const SyncTriggers there, read_sync(connection_, transition.name));
  state.triggered = there != SyncTriggers{};
  if (!transition.sync) {
    state.synced = !state.triggered;
    return state;
  }
  if (row == nullptr || !row->made) {
    return state;
  }
  // Not an error here: sync() says what does not fit.
  const auto wanted = wanted_sync(connection_, transition);
  state.synced = wanted && *wanted == there;
  if (!state.synced) {
    state.unsynced = there.on_insert.empty() || there.on_update.empty()
                         ? "its trigger is not there"
                         : "its trigger is not as it is wanted";
  }
  return state;
}

// Tried again while another connection writes.
Status SqliteTransitions::in_transaction(const MigrationPolicy& policy, const std::stop_token& stop,
                                         const std::function<Status()>& body) {
  sqlite3_busy_timeout(
      connection_.handle(),
      static_cast<int>(std::chrono::duration_cast<milliseconds>(policy.lock_timeout).count()));
  for (int n = 1;; ++n) {
    trace_point(trace_, "before a transition's BEGIN");
    Status status = connection_.execute("BEGIN IMMEDIATE");
    if (status.ok()) {
      status = body();
    }
    if (status.ok()) {
      trace_point(trace_, "before a transition's COMMIT");
      status = connection_.execute("COMMIT");
      trace_point(trace_, "after a transition's COMMIT");
    }
    if (!status.ok() && connection_.in_transaction()) {
      static_cast<void>(connection_.execute("ROLLBACK"));
    }
    if (status.ok() || status.reason() != "Busy" || n == kAttempts) {
      return status;
    }
    if (!clock_.sleep_for(kRetryDelay * n, stop)) {
      return {StatusCode::kCancelled, "stopped between two attempts"};
    }
  }
}

Status SqliteTransitions::sync(const Transition& transition, bool wanted,
                               const MigrationPolicy& policy, std::stop_token stop) {
  works_.erase(transition.name);
  return in_transaction(policy, stop, [&]() -> Status {
    if (wanted) {
      return begin(transition);
    }
    // Named only: declared no longer.
    const bool orphan = !transition.sync && !transition.backfill && transition.validations.empty();
    RETURN_IF_ERROR(drop_triggers(transition.name));
    return orphan ? forget(transition.name) : ok_status();
  });
}

Status SqliteTransitions::begin(const Transition& transition) {
  ASSIGN_OR_RETURN(const bool there, has_table());
  if (!there) {
    RETURN_IF_ERROR(connection_.execute(std::string(kCreateTable)));
  }
  ASSIGN_OR_RETURN(const auto rows, read_rows({transition}));
  const auto row = rows.find(transition.name);
  if (row == rows.end() || row->second.digest != work_digest(transition) || !row->second.in_force) {
    std::int64_t total = 0;
    if (transition.backfill) {
      ASSIGN_OR_RETURN(const std::string table,
                       resolve_table(connection_, transition.backfill->table));
      // SQLite keeps no estimate: a large table is not counted.
      ASSIGN_OR_RETURN(const Rows counted, connection_.query(fmt::format(
                                               "SELECT count(*) FROM (SELECT 1 FROM {} LIMIT {})",
                                               quote_name(table), kCountedRows + 1)));
      total = number(counted.rows[0][0]);
      total = total > kCountedRows ? 0 : total;
    }
    RETURN_IF_ERROR(forget(transition.name));
    RETURN_IF_ERROR(status_of(connection_.query(
        fmt::format("INSERT INTO ripcord_transitions (name, digest, total, finished_at) VALUES "
                    "(?1, ?2, ?3, {})",
                    transition.backfill ? "NULL" : kNow),
        {transition.name, work_digest(transition), std::to_string(total)})));
  }
  if (!transition.sync) {
    return drop_triggers(transition.name);
  }
  // Begun and without triggers: it comes back from its contract.
  if (row != rows.end() && !row->second.made && row->second.in_force &&
      row->second.digest == work_digest(transition)) {
    RETURN_IF_ERROR(settle_by_new(connection_, *transition.sync, row->second.finished));
  }
  return make_triggers(transition);
}

Status SqliteTransitions::make_triggers(const Transition& transition) {
  ASSIGN_OR_RETURN(const SyncTriggers wanted, wanted_sync(connection_, transition));
  RETURN_IF_ERROR(connection_.execute(drop_sync_sql(transition.name)));
  RETURN_IF_ERROR(connection_.execute(wanted.on_insert));
  RETURN_IF_ERROR(connection_.execute(wanted.on_update));
  return update_row("made = 1", transition.name);
}

Status SqliteTransitions::drop_triggers(const std::string& name) {
  RETURN_IF_ERROR(connection_.execute(drop_sync_sql(name)));
  // What holds now need not hold when it comes back.
  return update_row("made = 0, validated = ''", name);
}

Status SqliteTransitions::update_row(const std::string& set, const std::string& name,
                                     const std::vector<Value>& more) {
  ASSIGN_OR_RETURN(const bool there, has_table());
  if (!there) {
    return {};
  }
  std::vector<Value> values = {name};
  values.insert(values.end(), more.begin(), more.end());
  return status_of(connection_.query(
      fmt::format("UPDATE ripcord_transitions SET {} WHERE name = ?1", set), values));
}

Status SqliteTransitions::forget(const std::string& name) {
  return status_of(connection_.query("DELETE FROM ripcord_transitions WHERE name = ?1", {name}));
}

Result<SqliteTransitions::Work> SqliteTransitions::look(const Transition& transition) {
  const TransitionBackfill& declared = *transition.backfill;
  Work work;
  ASSIGN_OR_RETURN(work.table, resolve_table(connection_, declared.table));
  // A key that is the row's own number is neither indexed nor declared NOT NULL.
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection_.query(
          "SELECT c.name, c.\"notnull\" OR (c.pk = 1 AND c.type = 'INTEGER' COLLATE NOCASE AND "
          "(SELECT max(pk) FROM pragma_table_info(?1)) = 1), (c.pk = 1) OR EXISTS (SELECT 1 FROM "
          "pragma_index_list(?1) l, pragma_index_info(l.name) i WHERE i.seqno = 0 AND i.name = "
          "c.name AND NOT l.partial) FROM pragma_table_info(?1) c WHERE c.name = ?2 COLLATE NOCASE",
          {work.table, declared.key}));
  if (rows.rows.empty()) {
    return as_return(
        unfit(fmt::format("backfill.key: table {} has no column {}", work.table, declared.key)));
  }
  if (rows.rows[0][1] != "1") {
    return as_return(unfit(fmt::format(
        "backfill.key: {}.{} may be NULL, and such a row would never be reached; name another "
        "column",
        work.table, declared.key)));
  }
  if (rows.rows[0][2] != "1") {
    return as_return(unfit(fmt::format(
        "backfill.key: no index of {0} begins with {1}, so that each batch would sort the whole "
        "table; name another column, or create one (CREATE INDEX ON {0} ({1}))",
        work.table, declared.key)));
  }
  work.key = quote_name(rows.rows[0][0].value_or(""));
  RETURN_IF_ERROR(
      one_statement(connection_, update_sql(work.table, declared, "true")).annotated("backfill"));
  ASSIGN_OR_RETURN(const Rows cursor,
                   connection_.query("SELECT cursor FROM ripcord_transitions WHERE name = ?1",
                                     {transition.name}));
  if (cursor.rows.empty()) {
    return error(StatusCode::kInternal, "a backfill that was not begun");
  }
  work.cursor = cursor.rows[0][0];
  work.size = declared.batch_size;
  return work;
}

Result<TransitionBatch> SqliteTransitions::backfill(const Transition& transition,
                                                    const MigrationPolicy& /*policy*/,
                                                    std::stop_token stop) {
  if (!works_.contains(transition.name)) {
    ASSIGN_OR_RETURN(works_[transition.name], look(transition));
  }
  Work& work = works_.at(transition.name);
  sqlite3_busy_timeout(connection_.handle(), static_cast<int>(kBatchPatience.count()));
  const MonoTime began = clock_.now();
  Result<TransitionBatch> batch = attempt(transition, work, stop);
  sqlite3_busy_timeout(connection_.handle(), static_cast<int>(kPatience.count()));
  if (!batch) {
    if (connection_.in_transaction()) {
      static_cast<void>(connection_.execute("ROLLBACK"));
    }
    const Status failure = batch.error();
    works_.erase(transition.name);
    if (failure.reason() != "Busy") {
      return as_return(failure.annotated("backfill"));
    }
    return TransitionBatch{0, 0, false, "another connection writes to the database", kBusyRest};
  }
  // Those who wait look only now and then: without a moment for them they would look in vain.
  const Duration moment = std::max<Duration>((clock_.now() - began) / kLeftToOthers, kLeastLeft);
  batch->rest = std::max(transition.backfill->pause, moment);
  return batch;
}

Result<TransitionBatch> SqliteTransitions::attempt(const Transition& transition, Work& work,
                                                   const std::stop_token& stop) {
  const TransitionBackfill& declared = *transition.backfill;
  trace_point(trace_, "before a batch");
  RETURN_IF_ERROR(connection_.execute("BEGIN IMMEDIATE"));
  ASSIGN_OR_RETURN(const SyncTriggers triggers, read_sync(connection_, transition.name));
  RETURN_IF_ERROR(connection_.execute(drop_update_trigger_sql(transition.name)));
  std::string range = work.cursor ? fmt::format("{} > {}", work.key, *work.cursor) : "true";
  ASSIGN_OR_RETURN(
      const Rows found,
      connection_.query(fmt::format("SELECT quote({0}) FROM {1} WHERE {2} ORDER BY {0} LIMIT 1 "
                                    "OFFSET {3}",
                                    work.key, quote_name(work.table), range, work.size - 1),
                        {}, stop));
  // Nothing so far away: the batch is all that is left.
  const bool last = found.rows.empty();
  std::optional<std::string> cursor = work.cursor;
  if (!last) {
    cursor = found.rows[0][0];
    range += fmt::format(" AND {} <= {}", work.key, *cursor);
  }
  RETURN_IF_ERROR(status_of(connection_.query(update_sql(work.table, declared, range), {}, stop)));
  const std::int64_t changed = sqlite3_changes(connection_.handle());
  const std::int64_t scanned = last ? changed : work.size;
  if (!triggers.on_update.empty()) {
    RETURN_IF_ERROR(connection_.execute(triggers.on_update));
  }
  RETURN_IF_ERROR(
      update_row(fmt::format("cursor = ?2, rows = rows + {}, scanned = scanned + {}{}", changed,
                             scanned, last ? fmt::format(", finished_at = {}", kNow) : ""),
                 transition.name, {cursor}));
  trace_point(trace_, "before the batch's COMMIT");
  RETURN_IF_ERROR(connection_.execute("COMMIT"));
  trace_point(trace_, "after the batch's COMMIT");
  work.cursor = cursor;
  return TransitionBatch{changed, scanned, last, "", {}};
}

Result<std::vector<std::string>> SqliteTransitions::validate(const Transition& transition,
                                                             const MigrationPolicy& policy,
                                                             std::stop_token stop) {
  std::vector<std::string> broken;
  RETURN_IF_ERROR(connection_.execute("PRAGMA query_only = ON"));
  Status failure;
  for (const TransitionValidation& each : transition.validations) {
    trace_point(trace_, "before a validation");
    const auto found = check(each, stop);
    if (!found) {
      failure = found.error();
      break;
    }
    if (!found->empty()) {
      broken.push_back(*found);
    }
  }
  RETURN_IF_ERROR(connection_.execute("PRAGMA query_only = OFF"));
  RETURN_IF_ERROR(failure);
  if (broken.empty()) {
    // It is finished when it is seen to hold.
    RETURN_IF_ERROR(in_transaction(policy, stop, [&] {
      return update_row(fmt::format("finished_at = CASE validated WHEN ?2 THEN finished_at ELSE {} "
                                    "END, validated = ?2",
                                    kNow),
                        transition.name, {validation_digest(transition)});
    }));
  }
  return broken;
}

Status SqliteTransitions::before_body() {
  for (const auto* ended : {&edges_.end, &edges_.forget}) {
    for (const Transition& transition : *ended) {
      RETURN_IF_ERROR(drop_triggers(transition.name).annotated(label_of(transition)));
      ASSIGN_OR_RETURN(const bool there, has_table());
      if (there && ended == &edges_.forget) {
        RETURN_IF_ERROR(forget(transition.name));
      }
    }
  }
  return {};
}

Status SqliteTransitions::after_body() {
  for (const Transition& transition : edges_.begin) {
    RETURN_IF_ERROR(connection_.execute(kSavepoint));
    // One that fails is begun when the version stands, where its failure can be shown.
    if (!begin(transition).ok()) {
      RETURN_IF_ERROR(connection_.execute("ROLLBACK TO ripcord_transition"));
    }
    RETURN_IF_ERROR(connection_.execute("RELEASE ripcord_transition"));
  }
  return {};
}

}  // namespace ripcord::sqlite
