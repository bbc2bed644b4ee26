// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/schema_session.h"

#include "adapters/postgres/archive.h"
#include "adapters/postgres/journaled_step.h"
#include "adapters/postgres/migration_locks.h"
#include "adapters/postgres/tombstones.h"
#include "adapters/postgres/transitions.h"
#include "controller/base/sha256.h"
#include "controller/codec/history_follower.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

constexpr int kAttempts = 8;
constexpr std::string_view kNoSuchStatement = "26000";
constexpr const char* kDeallocated = "Deallocated";  // our prepared statement, by a body
constexpr auto kFirstDelay = std::chrono::milliseconds(50);

// Does the body change settings of the session? A false yes costs one round trip.
bool may_set(const MigrationStep& step) {
  return std::any_of(step.statements.begin(), step.statements.end(), [](const SqlStatement& s) {
    const std::string_view word = "set";
    return std::search(s.text.begin(), s.text.end(), word.begin(), word.end(), [](char a, char b) {
             return std::tolower(static_cast<unsigned char>(a)) == b;
           }) != s.text.end();
  });
}

class Session final : public SchemaSession {
 public:
  Session(Connection connection, LockQueue::Open open, SchemaTables tables, Clock& clock,
          Trace trace)
      : connection_(std::move(connection)),
        open_(std::move(open)),
        tables_(std::move(tables)),
        clock_(clock),
        trace_(std::move(trace)),
        transitions_(connection_, tables_, clock_, trace_) {}

  SchemaTransitions* transitions() override { return &transitions_; }

  Result<SchemaState> read() override {
    if (!tables_.has_own_tables || tables_.history == nullptr) {
      return read_state(connection_);
    }
    followed_.forget();
    if (!records_.empty() && !records_.back().applied_at) {
      records_known_ = false;  // when the last step was applied, only the database knows
    }
    ASSIGN_OR_RETURN(const Rows rows, connection_.execute(look_sql()));
    ASSIGN_OR_RETURN(const bool journaled, look_of(rows));
    return with_records(journaled);
  }

  StepsRun run_some(std::span<const MigrationStep> steps, const MigrationPolicy& policy,
                    std::stop_token stop) override {
    together_until_ = clock_.now() + kStepsTogether;
    StepsRun ran;
    do {
      const std::size_t next = ran.done + 1;
      last_together_ = next == steps.size() || codec::is_journaled(steps[next]);
      ran.status = stop.stop_requested() && unflushed_
                       ? Status(StatusCode::kCancelled, "stopped between two migrations")
                       : run_one(steps[ran.done], policy, stop);
      ran.done += ran.status.ok() ? 1 : 0;
    } while (ran.status.ok() && ran.done < steps.size() && unflushed_);
    if (std::exchange(unflushed_, false) && connection_.alive()) {
      // Something that is written, so that its commit waits for the disk.
      static_cast<void>(connection_.execute("SELECT pg_logical_emit_message(true, 'ripcord', '')"));
    }
    return ran;
  }

  Status drop_tombstones(std::int64_t version, const MigrationPolicy& policy,
                         std::stop_token stop) override {
    records_known_ = false;
    return with_retries(clock_, stop, [&] {
      Status status = drop_in_transaction(version, policy, stop);
      if (!status.ok() && connection_.alive()) {
        static_cast<void>(connection_.execute("ROLLBACK"));
      }
      return status;
    });
  }

 private:
  Status run_one(const MigrationStep& step, const MigrationPolicy& policy,
                 const std::stop_token& stop) {
    RETURN_IF_ERROR(codec::check_layout(step, tables_.history, tables_.table));
    trace_point(trace_, "before creating tables");
    RETURN_IF_ERROR(create_tables(connection_, tables_, step.migration.layout));
    trace_point(trace_, "after creating tables");
    RETURN_IF_ERROR(know_records());
    if (!asked_to_prepare_) {
      asked_to_prepare_ = true;
      prepared_ = status_of(connection_.execute(prepare_sql())).ok();
    }
    const bool journaled = codec::is_journaled(step);
    Status done = journaled ? run_journaled(step, policy, stop) : run_at_once(step, policy, stop);
    transitions_.body_over();
    if (done.ok() && (journaled || may_set(step))) {
      done = prepare_session(connection_);
    }
    return done;
  }

  Status drop_in_transaction(std::int64_t version, const MigrationPolicy& policy,
                             const std::stop_token& stop) {
    if (tables_.history == nullptr) {
      return {};
    }
    trace_point(trace_, "before dropping tombstones");
    RETURN_IF_ERROR(begin(policy, stop));
    ASSIGN_OR_RETURN(const auto statements, drop_tombstones_sql(connection_, tables_, version));
    for (const std::string& statement : statements) {
      if (const auto ran = connection_.execute(statement, stop); !ran) {
        return ran.error().annotated(
            fmt::format("dropping what version {} had put aside ({})", version, statement));
      }
      trace_point(trace_, "after dropping a tombstone");
    }
    trace_point(trace_, "before COMMIT");
    RETURN_IF_ERROR(status_of(connection_.execute("COMMIT")));
    trace_point(trace_, "after COMMIT");
    return {};
  }

  Result<SchemaState> with_records(bool journaled) {
    RETURN_IF_ERROR(know_records());
    std::optional<UnfinishedMigration> unfinished;
    const codec::AppliedVersions& versions = followed_.versions();
    if (journaled) {
      ASSIGN_OR_RETURN(unfinished, read_unfinished(connection_, tables_, versions));
    }
    SchemaState state =
        codec::schema_state_of(tables_.history, versions, records_, std::move(unfinished));
    RETURN_IF_ERROR(read_tombstones(connection_, tables_, state));
    RETURN_IF_ERROR(read_finished_transitions(connection_, tables_, state));
    return state;
  }

  // Under the lock nobody else writes records, and remember() follows what we write.
  Status know_records() {
    if (!records_known_) {
      ASSIGN_OR_RETURN(records_, read_records(connection_, tables_));
      records_known_ = true;
    }
    return {};
  }

  // Nor does anybody else write the journal: once seen empty, it is until we begin one.
  std::string look_sql() const {
    const std::string history = followed_.look_sql(*tables_.history, tables_.table);
    if (journal_empty_) {
      return fmt::format("SELECT false, v.* FROM ({}) v", history);
    }
    return fmt::format(
        "SELECT EXISTS (SELECT FROM ripcord.journal WHERE home = {}), v.* FROM (SELECT) one LEFT "
        "JOIN ({}) v ON true",
        Connection::quote_literal(tables_.home), history);
  }

  // Is there a journal?
  Result<bool> look_of(const Rows& rows) {
    bool journaled = false;
    codec::HistoryRows history;
    for (const auto& row : rows.rows) {
      journaled = row[0] == "t";
      if (row[1]) {
        history.emplace_back(row.begin() + 1, row.end());
      }
    }
    journal_empty_ = !journaled;
    RETURN_IF_ERROR(take(history));
    return journaled;
  }

  // An answer about the history; where it is not what was expected, all of it is read.
  Status take(const codec::HistoryRows& rows) {
    ASSIGN_OR_RETURN(const bool taken, followed_.take(*tables_.history, rows));
    if (taken) {
      return {};
    }
    ASSIGN_OR_RETURN(const Rows all,
                     connection_.execute(followed_.look_sql(*tables_.history, tables_.table)));
    return status_of(followed_.take(*tables_.history, all.rows));
  }

  // Saves the server the planning of what each step runs anew.
  std::string prepare_sql() const {
    return prepare_record_sql() + "; PREPARE ripcord_look AS " +
           locking_look_sql(
               tables_, codec::HistoryFollower::prepared_look_sql(*tables_.history, tables_.table));
  }

  std::string locked_look_sql() const {
    const std::string key = followed_.look_key(*tables_.history);
    if (prepared_ && is_one_row(tables_)) {
      return "EXECUTE ripcord_look";
    }
    return prepared_ && !key.empty()
               ? fmt::format("EXECUTE ripcord_look({})", key)
               : locking_look_sql(tables_, followed_.look_sql(*tables_.history, tables_.table));
  }

  // The transaction that moves the version, and what the history says in it.
  Status begin(const MigrationPolicy& policy, const std::stop_token& stop) {
    const auto begun = connection_.execute(begin_sql(policy, locked_look_sql()), stop);
    if (!begun) {
      return of_prepared(begun.error());
    }
    return take(begun->rows);
  }

  // A failure; after that of a statement that a body has deallocated, another try is without it.
  Status of_prepared(const Status& failure) {
    const bool deallocated =
        std::exchange(prepared_, false) && connection_.last_error().sqlstate == kNoSuchStatement;
    return deallocated ? Status(StatusCode::kUnavailable, failure.message(), kDeallocated)
                       : failure;
  }

  Status run_at_once(const MigrationStep& step, const MigrationPolicy& policy,
                     const std::stop_token& stop) {
    return with_retries(clock_, stop, [&] {
      Status status = attempt(step, policy, stop);
      if (!status.ok() && connection_.alive()) {
        static_cast<void>(connection_.execute("ROLLBACK"));
      }
      return !status.ok() && status.reason() == "StatementFailed"
                 ? codec::with_what_holds(status, 0, step.statements.size())
                 : status;
    });
  }

  Status attempt(const MigrationStep& step, const MigrationPolicy& policy,
                 const std::stop_token& stop) {
    trace_point(trace_, "before BEGIN");
    RETURN_IF_ERROR(begin(policy, stop).annotated(label_of(step)));
    ASSIGN_OR_RETURN(const bool needed,
                     codec::step_is_needed(step, followed_.versions(), label_of(step)));
    if (!needed) {
      return status_of(connection_.execute("ROLLBACK"));
    }
    Burial burial(connection_, step, trace_);
    RETURN_IF_ERROR(archive_losses(step, stop));
    RETURN_IF_ERROR(transitions_.before_body());
    for (const SqlStatement& statement : step.statements) {
      trace_point(trace_, "before a statement");
      if (step.put_aside && statement.effects.only_drops) {
        RETURN_IF_ERROR(burial.bury(statement, stop));
      } else if (const auto ran = connection_.execute(statement.text, stop); !ran) {
        return located(ran.error(), connection_.last_error(), step, statement);
      }
      trace_point(trace_, "after a statement");
    }
    RETURN_IF_ERROR(transitions_.after_body());
    if (!burial.empty()) {
      RETURN_IF_ERROR(commit(burial.recorded(), burial.record_sql(tables_)));
      tables_.has_tombstones = true;
      return {};
    }
    const bool down = step.direction == Direction::kDown;
    return commit(step, down ? forget_tombstones_sql(tables_, step) : "");
  }

  Status archive_losses(const MigrationStep& step, const std::stop_token& stop) {
    if (!step.archive) {
      return {};
    }
    trace_point(trace_, "before archiving");
    const Status archived = archive(connection_, *step.archive, step.migration.version, stop);
    trace_point(trace_, "after archiving");
    return archived.annotated(label_of(step) + ": archive");
  }

  // `more`: statements for the same transaction.
  Status commit(const MigrationStep& step, const std::string& more) {
    trace_point(trace_, "before COMMIT");
    // From here on there is no stop: a cancelled COMMIT would leave its outcome unknown.
    const codec::AppliedVersions& versions = followed_.versions();
    const std::int64_t previous = versions.version().value_or(-1);
    const std::string role = may_set(step) ? "RESET ROLE;" : "";
    const std::string record = record_step(tables_, step, versions, records_, prepared_);
    followed_.follow(*tables_.history, step);
    const bool flush = last_together_ || clock_.now() >= together_until_;
    const char* const later = flush ? "" : "SET LOCAL synchronous_commit = off;";
    const auto done = connection_.execute(role + record + more + later + "COMMIT");
    if (!done) {
      records_known_ = false;
      followed_.forget();
      return of_prepared(done.error().annotated(label_of(step) + ": at COMMIT"));
    }
    unflushed_ = !flush;
    trace_point(trace_, "after COMMIT");
    remember(step, previous);
    return {};
  }

  // What the table holds now, without reading all of it again.
  void remember(const MigrationStep& step, std::int64_t previous) {
    const Migration& migration = step.migration;
    if (migration.repeatable) {
      return;
    }
    std::erase_if(records_, [&](const AppliedMigration& record) {
      return record.version >= migration.version;
    });
    if (step.direction == Direction::kUp) {
      records_.push_back({migration.version, migration.name, migration.down,
                          sha256_hex(migration.up.value_or("")),
                          migration.down ? sha256_hex(*migration.down) : "", previous});
    }
  }

  Status run_journaled(const MigrationStep& step, const MigrationPolicy& policy,
                       const std::stop_token& stop) {
    ASSIGN_OR_RETURN(const codec::AppliedVersions now, read_versions(connection_, tables_));
    ASSIGN_OR_RETURN(const bool needed, codec::step_is_needed(step, now, label_of(step)));
    if (!needed) {
      return {};
    }
    journal_empty_ = false;
    JournaledStep journaled(connection_, open_, tables_, clock_, trace_);
    // Of a step that is no transaction only this much: what is written later is not in the copy.
    RETURN_IF_ERROR(with_retries(clock_, stop, [&]() -> Status {
      if (!step.archive) {
        return {};
      }
      Status status = status_of(connection_.execute("BEGIN", stop));
      status = status.ok() ? archive_losses(step, stop) : status;
      if (connection_.alive()) {
        static_cast<void>(connection_.execute("ROLLBACK"));
      }
      return status;
    }));
    if (transitions_.attends()) {
      RETURN_IF_ERROR(before_journaled(policy, stop));
    }
    RETURN_IF_ERROR(journaled.run_statements(step, policy, stop));
    return with_retries(clock_, stop, [&]() -> Status {
      Status status = begin(policy, stop);
      if (status.ok()) {
        status = transitions_.after_body();
      }
      if (status.ok()) {
        status = commit(step, journaled.forget_sql(step));
      }
      if (!status.ok() && connection_.alive()) {
        static_cast<void>(connection_.execute("ROLLBACK"));
      }
      return status;
    });
  }

  // Its statements are transactions of their own: what has to go first goes before all of them.
  Status before_journaled(const MigrationPolicy& policy, const std::stop_token& stop) {
    return with_retries(clock_, stop, [&]() -> Status {
      Status status = begin(policy, stop);
      if (status.ok()) {
        status = transitions_.before_body();
      }
      const bool ended = connection_.alive() &&
                         status_of(connection_.execute(status.ok() ? "COMMIT" : "ROLLBACK")).ok();
      return status.ok() && !ended
                 ? Status(StatusCode::kUnavailable, "the connection was lost", "ConnectionLost")
                 : status;
    });
  }

  template <class T>
  static Status status_of(const Result<T>& result) {
    return result ? ok_status() : result.error();
  }

  Connection connection_;
  LockQueue::Open open_;
  SchemaTables tables_;
  Clock& clock_;
  Trace trace_;
  std::vector<AppliedMigration> records_;
  bool records_known_ = false;
  bool journal_empty_ = false;
  bool asked_to_prepare_ = false;
  bool prepared_ = false;
  // Of run_some().
  MonoTime together_until_;
  bool last_together_ = true;
  bool unflushed_ = false;  // the last commit has not waited for the disk
  codec::HistoryFollower followed_;
  PostgresTransitions transitions_;
};

}  // namespace

Status prepare_session(Connection& connection) {
  ASSIGN_OR_RETURN(const Rows reset, connection.execute("RESET SESSION AUTHORIZATION; RESET ALL"));
  static_cast<void>(reset);
  if (connection.server_version() >= 140000) {
    // Refused where the platform cannot poll a socket for hang-up; then there is no harm in it.
    static_cast<void>(connection.execute("SET client_connection_check_interval = '500ms'"));
  }
  return {};
}

std::unique_ptr<SchemaSession> make_session(Connection connection, LockQueue::Open open,
                                            SchemaTables tables, Clock& clock, Trace trace) {
  return std::make_unique<Session>(std::move(connection), std::move(open), std::move(tables), clock,
                                   std::move(trace));
}

std::string label_of(const MigrationStep& step) {
  const Migration& migration = step.migration;
  const bool up = step.direction == Direction::kUp;
  const std::string& file = up ? migration.up_file : migration.down_file;
  if (!file.empty()) {
    return file;
  }
  return fmt::format("{} of {} {}", up ? "up" : "down", migration.version, migration.name);
}

Status located(const Status& failure, const ServerError& server, const MigrationStep& step,
               const SqlStatement& statement) {
  std::int32_t line = statement.line;
  int characters = 0;
  for (const char c : statement.text) {
    characters += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
    if (characters >= server.position) {
      break;
    }
    line += c == '\n' ? 1 : 0;
  }
  return failure.annotated(fmt::format("{}:{}", label_of(step), line));
}

Status with_retries(Clock& clock, const std::stop_token& stop,
                    const std::function<Status()>& attempt) {
  Duration delay = kFirstDelay;
  for (int n = 1;; ++n) {
    Status status = attempt();
    const std::string reason = status.ok() ? "" : status.reason();
    const bool again = reason == "LockTimeout" || reason == "Deadlock" ||
                       reason == "SerializationFailure" || reason == kDeallocated;
    if (!again) {
      return status;
    }
    if (n == kAttempts) {
      return status.annotated(fmt::format("given up for now after {} attempts", n));
    }
    if (!clock.sleep_for(jittered(delay, n), stop)) {
      return {StatusCode::kCancelled, "stopped between two attempts"};
    }
    delay *= 2;
  }
}

}  // namespace ripcord::postgres
