// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/schema_session.h"

#include "adapters/sqlite/archive.h"
#include "adapters/sqlite/schema_tables.h"
#include "adapters/sqlite/tombstones.h"
#include "adapters/sqlite/transitions.h"
#include "controller/base/sha256.h"
#include "controller/codec/history_follower.h"
#include "controller/codec/sql_lexer.h"

#include <algorithm>
#include <functional>
#include <map>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::sqlite {
namespace {

constexpr int kAttempts = 4;
constexpr auto kRetryDelay = std::chrono::milliseconds(100);

std::string label_of(const MigrationStep& step) {
  const bool up = step.direction == Direction::kUp;
  const std::string& file = up ? step.migration.up_file : step.migration.down_file;
  return file.empty() ? fmt::format("{} of {} {}", up ? "up" : "down", step.migration.version,
                                    step.migration.name)
                      : file;
}

const char* direction_of(const MigrationStep& step) {
  return step.direction == Direction::kUp ? "up" : "down";
}

class Session final : public SchemaSession {
 public:
  Session(Connection connection, FileLock lock, Clock& clock, Trace trace)
      : lock_(std::move(lock)),
        connection_(std::move(connection)),
        clock_(clock),
        trace_(std::move(trace)),
        transitions_(connection_, clock_, trace_) {}

  SchemaTransitions* transitions() override { return &transitions_; }

  Result<SchemaState> read() override {
    RETURN_IF_ERROR(look_at_tables());
    if (!tables_.has_own_tables || tables_.history == nullptr) {
      return read_state(connection_);
    }
    followed_.forget();
    ASSIGN_OR_RETURN(const std::string as_of, foreign_writes());
    RETURN_IF_ERROR(look_at_history(as_of));
    const codec::AppliedVersions& now = followed_.versions();
    // When the last step was applied, only the database knows.
    const bool undated = !records_.empty() && !records_.back().applied_at;
    if (as_of != records_as_of_ || undated) {
      ASSIGN_OR_RETURN(records_, read_records(connection_));
      records_as_of_ = as_of;
    }
    ASSIGN_OR_RETURN(std::optional<UnfinishedMigration> unfinished,
                     read_unfinished(connection_, now));
    SchemaState state =
        codec::schema_state_of(tables_.history, now, records_, std::move(unfinished));
    RETURN_IF_ERROR(read_tombstones(connection_, state));
    RETURN_IF_ERROR(read_finished_transitions(connection_, state));
    return state;
  }

  StepsRun run_some(std::span<const MigrationStep> steps, const MigrationPolicy& policy,
                    std::stop_token stop) override {
    if (may_share(steps.front()) && !transitions_.attends()) {
      return run_together(steps, policy, stop);
    }
    const Status done = run_alone(steps.front(), policy, stop);
    return {done.ok() ? 1U : 0U, done};
  }

  Status drop_tombstones(std::int64_t version, const MigrationPolicy& /*policy*/,
                         std::stop_token stop) override {
    records_as_of_.clear();
    violations_as_of_.clear();
    trace_point(trace_, "before dropping tombstones");
    return in_transaction(stop, [&]() -> Status {
      RETURN_IF_ERROR(sqlite::drop_tombstones(connection_, version, trace_));
      return commit();
    });
  }

 private:
  // Of the journal.
  struct Entry {
    std::string digest;
    bool finished = false;
  };

  // A step that is nothing but its statements and its record.
  static bool may_share(const MigrationStep& step) {
    return !codec::is_journaled(step) && !step.put_aside && !step.archive &&
           std::none_of(step.statements.begin(), step.statements.end(), sets_session);
  }

  Status prepare(const MigrationStep& step, const MigrationPolicy& policy) {
    sqlite3_busy_timeout(
        connection_.handle(),
        static_cast<int>(
            std::chrono::duration_cast<std::chrono::milliseconds>(policy.lock_timeout).count()));
    RETURN_IF_ERROR(look_at_tables());
    RETURN_IF_ERROR(codec::check_layout(step, tables_.history, tables_.table));
    if (!tables_.has_own_tables || tables_.history == nullptr) {
      trace_point(trace_, "before creating tables");
      RETURN_IF_ERROR(create_tables(connection_, tables_, step.migration.layout));
      trace_point(trace_, "after creating tables");
    }
    return {};
  }

  Status run_alone(const MigrationStep& step, const MigrationPolicy& policy,
                   const std::stop_token& stop) {
    RETURN_IF_ERROR(prepare(step, policy));
    const bool journaled = codec::is_journaled(step);
    Status done = journaled ? run_journaled(step, stop) : ok_status();
    if (done.ok()) {
      done = in_transaction(stop, [&]() -> Status {
        RETURN_IF_ERROR(run_body(step, journaled, stop));
        return commit();
      });
    }
    transitions_.body_over();
    RETURN_IF_ERROR(done);
    const bool set = std::any_of(step.statements.begin(), step.statements.end(), sets_session);
    return set ? start_anew() : ok_status();
  }

  // In one transaction, each behind the first in a savepoint of its own.
  StepsRun run_together(std::span<const MigrationStep> steps, const MigrationPolicy& policy,
                        const std::stop_token& stop) {
    StepsRun ran;
    bool rolled_back = false;  // by a statement, as INSERT OR ROLLBACK may
    const auto body = [&]() -> Status {
      ran = {};
      const MonoTime until = clock_.now() + kStepsTogether;
      do {
        ran.status = ran.done == 0 ? run_body(steps[0], false, stop)
                                   : run_in_savepoint(steps[ran.done], stop);
        ran.done += ran.status.ok() ? 1 : 0;
      } while (ran.status.ok() && ran.done < steps.size() && may_share(steps[ran.done]) &&
               clock_.now() < until && !stop.stop_requested());
      rolled_back = ran.done > 0 && !connection_.in_transaction();
      return ran.done > 0 && !rolled_back ? commit() : ran.status;
    };
    Status done = prepare(steps.front(), policy);
    if (done.ok()) {
      done = in_transaction(stop, body);
    }
    if (!done.ok()) {
      return rolled_back ? run_together(steps.first(1), policy, stop) : StepsRun{0, done};
    }
    if (ran.status.reason() == "Busy") {
      ran.status = {};  // it is tried again as the first of the next
    }
    return ran;
  }

  Status run_in_savepoint(const MigrationStep& step, const std::stop_token& stop) {
    RETURN_IF_ERROR(codec::check_layout(step, tables_.history, tables_.table));
    RETURN_IF_ERROR(connection_.execute("SAVEPOINT ripcord_step"));
    Status ran = run_body(step, false, stop);
    if (!ran.ok() && connection_.in_transaction()) {
      RETURN_IF_ERROR(connection_.execute("ROLLBACK TO ripcord_step"));
    }
    if (connection_.in_transaction()) {
      RETURN_IF_ERROR(connection_.execute("RELEASE ripcord_step"));
    }
    return ran;
  }

  Status commit() {
    trace_point(trace_, "before COMMIT");
    RETURN_IF_ERROR(connection_.execute("COMMIT"));
    trace_point(trace_, "after COMMIT");
    return {};
  }

  // Under the lock tables come, by us, and do not go; their shapes are looked at once.
  Status look_at_tables() {
    if (!tables_.has_own_tables || tables_.history == nullptr) {
      ASSIGN_OR_RETURN(tables_, find_tables(connection_));
    }
    return {};
  }

  // What a migration has set must not depend on whether the next one runs in the same process.
  Status start_anew() {
    const std::string path = sqlite3_db_filename(connection_.handle(), "main");
    ASSIGN_OR_RETURN(connection_, Connection::open(path, OpenMode::kReadWrite));
    RETURN_IF_ERROR(connection_.execute("PRAGMA foreign_keys = OFF"));
    history_as_of_.clear();  // counted by each connection for itself
    records_as_of_.clear();
    violations_as_of_.clear();
    return {};
  }

  // Changes when another connection has written.
  Result<std::string> foreign_writes() {
    ASSIGN_OR_RETURN(const Rows rows, connection_.query("PRAGMA data_version"));
    return rows.rows.at(0).at(0).value_or("");
  }

  // Where a brief answer is not what was expected, all is read.
  Status look_at_history(const std::string& as_of) {
    if (followed_.knows() && as_of == history_as_of_) {
      return {};
    }
    history_as_of_ = as_of;
    for (;;) {
      ASSIGN_OR_RETURN(const Rows rows,
                       connection_.query(followed_.look_sql(*tables_.history, tables_.table)));
      ASSIGN_OR_RETURN(const bool taken, followed_.take(*tables_.history, rows.rows));
      if (taken) {
        return {};
      }
    }
  }

  // Tried again while another connection writes.
  Status in_transaction(const std::stop_token& stop, const std::function<Status()>& body) {
    const codec::HistoryFollower before = followed_;
    for (int n = 1;; ++n) {
      trace_point(trace_, "before BEGIN");
      Status status = connection_.execute("BEGIN IMMEDIATE");
      if (status.ok()) {
        status = body();
      }
      if (!status.ok() && connection_.in_transaction()) {
        static_cast<void>(connection_.execute("ROLLBACK"));
      }
      if (!status.ok()) {
        followed_ = before;
        history_as_of_.clear();
        records_as_of_.clear();
        violations_as_of_.clear();
      }
      if (status.ok() || status.reason() != "Busy" || n == kAttempts) {
        return status;
      }
      if (!clock_.sleep_for(kRetryDelay * n, stop)) {
        return {StatusCode::kCancelled, "stopped between two attempts"};
      }
    }
  }

  Status run_body(const MigrationStep& step, bool journaled, const std::stop_token& stop) {
    ASSIGN_OR_RETURN(const std::string as_of, foreign_writes());
    RETURN_IF_ERROR(look_at_history(as_of));
    const codec::AppliedVersions& before = followed_.versions();
    ASSIGN_OR_RETURN(const bool needed, codec::step_is_needed(step, before, label_of(step)));
    if (!needed) {
      return {};
    }
    Burial burial(connection_, step, trace_);
    if (!journaled) {
      ASSIGN_OR_RETURN(const std::size_t violations, foreign_key_violations(as_of));
      RETURN_IF_ERROR(archive_losses(step, stop));
      RETURN_IF_ERROR(transitions_.before_body());
      for (const SqlStatement& statement : step.statements) {
        const auto run = [&] { return run_statement(step, statement, stop); };
        trace_point(trace_, "before a statement");
        const bool aside = step.put_aside && statement.effects.only_drops;
        if (Status ran = aside ? burial.bury(statement, run) : run(); !ran.ok()) {
          return ran.reason() == "StatementFailed"
                     ? codec::with_what_holds(ran, 0, step.statements.size())
                     : ran;
        }
        trace_point(trace_, "after a statement");
      }
      RETURN_IF_ERROR(check_foreign_keys(step, violations));
    }
    RETURN_IF_ERROR(transitions_.after_body());
    const MigrationStep recorded = burial.empty() ? step : burial.recorded();
    RETURN_IF_ERROR(record_step(connection_, tables_, recorded, before,
                                may_have_newer(step.migration.version, as_of)));
    if (!burial.empty()) {
      RETURN_IF_ERROR(burial.record());
    } else if (step.direction == Direction::kDown) {
      RETURN_IF_ERROR(forget_tombstones(connection_, step));
    }
    if (journaled) {
      ASSIGN_OR_RETURN(
          const Rows forgot,
          connection_.query("DELETE FROM ripcord_journal WHERE version = ?1 AND direction = ?2",
                            {std::to_string(step.migration.version), direction_of(step)}));
      static_cast<void>(forgot);
    }
    remember(recorded);
    followed_.follow(*tables_.history, step);
    return {};
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

  void remember(const MigrationStep& step) {
    violations_ = violations_after_;
    if (step.migration.repeatable) {
      return;
    }
    std::erase_if(records_, [&](const AppliedMigration& record) {
      return record.version >= step.migration.version;
    });
    if (step.direction == Direction::kUp) {
      records_.push_back(record_of(step, followed_.versions()));
    }
  }

  Status run_statement(const MigrationStep& step, const SqlStatement& statement,
                       const std::stop_token& stop) {
    const auto ran = connection_.query(statement.text, {}, stop);
    if (ran) {
      return {};
    }
    const int offset = sqlite3_error_offset(connection_.handle());
    const auto lines =
        offset <= 0 ? 0
                    : std::count(statement.text.begin(),
                                 statement.text.begin() +
                                     std::min<std::ptrdiff_t>(offset, std::ssize(statement.text)),
                                 '\n');
    return ran.error().annotated(fmt::format("{}:{}", label_of(step), statement.line + lines));
  }

  bool may_have_newer(std::int64_t version, const std::string& as_of) const {
    return records_as_of_ != as_of ||
           std::any_of(records_.begin(), records_.end(),
                       [&](const AppliedMigration& record) { return record.version >= version; });
  }

  Result<std::size_t> foreign_key_violations(const std::string& as_of) {
    if (as_of != violations_as_of_) {
      ASSIGN_OR_RETURN(const Rows rows, connection_.query("PRAGMA foreign_key_check"));
      violations_ = rows.rows.size();
      violations_as_of_ = as_of;
    }
    return violations_;
  }

  Status check_foreign_keys(const MigrationStep& step, std::size_t before) {
    ASSIGN_OR_RETURN(const Rows rows, connection_.query("PRAGMA foreign_key_check"));
    violations_after_ = rows.rows.size();
    if (violations_after_ <= before) {
      return {};
    }
    const auto& first = rows.rows.front();
    return {
        StatusCode::kFailedPrecondition,
        fmt::format("{}: it would leave {} rows that violate a foreign key, the first in table {} "
                    "(references {}); nothing was changed",
                    label_of(step), violations_after_ - before, first[0].value_or("?"),
                    first[2].value_or("?")),
        "ForeignKeyViolated"};
  }

  // Statement by statement, each in a transaction with its journal row; VACUUM, which may be
  // repeated, outside.
  Status run_journaled(const MigrationStep& step, const std::stop_token& stop) {
    ASSIGN_OR_RETURN(const codec::AppliedVersions now, read_versions(connection_, tables_));
    ASSIGN_OR_RETURN(const bool needed, codec::step_is_needed(step, now, label_of(step)));
    if (!needed) {
      return {};
    }
    if (transitions_.attends()) {
      const auto end = [&]() -> Status {
        RETURN_IF_ERROR(transitions_.before_body());
        return connection_.execute("COMMIT");
      };
      RETURN_IF_ERROR(in_transaction(stop, end));
    }
    ASSIGN_OR_RETURN(const auto entries, read_entries(step));
    const bool begun = std::any_of(entries.begin(), entries.end(),
                                   [](const auto& entry) { return entry.second.finished; });
    if (!begun && step.archive) {
      // Of a step that is no transaction only this much: what is written later is not in the copy.
      const auto copy = [&]() -> Status {
        RETURN_IF_ERROR(archive_losses(step, stop));
        return connection_.execute("COMMIT");
      };
      RETURN_IF_ERROR(in_transaction(stop, copy));
    }
    int index = 0;
    for (const SqlStatement& statement : step.statements) {
      ++index;
      const auto entry = entries.find(std::to_string(index));
      const Status ran = run_journaled_one(step, statement, index,
                                           entry == entries.end() ? nullptr : &entry->second, stop);
      if (!ran.ok() && ran.reason() == "StatementFailed") {
        return codec::with_what_holds(ran, static_cast<std::size_t>(index) - 1,
                                      step.statements.size());
      }
      RETURN_IF_ERROR(ran);
    }
    return {};
  }

  Status run_journaled_one(const MigrationStep& step, const SqlStatement& statement, int index,
                           const Entry* begun, const std::stop_token& stop) {
    if (begun != nullptr && begun->digest != sha256_hex(statement.text)) {
      return {StatusCode::kFailedPrecondition,
              fmt::format("{}:{}: statement {} was changed after it began; bring the script back "
                          "as it was, it goes on from there (table ripcord_journal)",
                          label_of(step), statement.line, index),
              "ScriptChanged"};
    }
    if (begun != nullptr && begun->finished) {
      // What follows depends on it in every session anew.
      const auto again = [&]() -> Status {
        RETURN_IF_ERROR(run_statement(step, statement, stop));
        return connection_.execute("COMMIT");
      };
      return sets_session(statement) ? in_transaction(stop, again) : ok_status();
    }
    if (statement.needs_no_transaction) {
      RETURN_IF_ERROR(journal(step, statement, index, false));
      trace_point(trace_, "before a statement outside a transaction");
      RETURN_IF_ERROR(run_statement(step, statement, stop));
      trace_point(trace_, "after a statement outside a transaction");
      return journal(step, statement, index, true);
    }
    const auto inside = [&]() -> Status {
      RETURN_IF_ERROR(run_statement(step, statement, stop));
      RETURN_IF_ERROR(journal(step, statement, index, true));
      return commit();
    };
    return in_transaction(stop, inside);
  }

  static bool sets_session(const SqlStatement& statement) {
    const auto tokens = codec::tokenize_sql(codec::SqlDialect::kSqlite, statement.text);
    return tokens && !tokens->empty() && tokens->front().word("PRAGMA");
  }

  Result<std::map<std::string, Entry>> read_entries(const MigrationStep& step) {
    ASSIGN_OR_RETURN(
        const Rows rows,
        connection_.query("SELECT step, digest, finished_at IS NOT NULL FROM ripcord_journal WHERE "
                          "version = ?1 AND direction = ?2",
                          {std::to_string(step.migration.version), direction_of(step)}));
    std::map<std::string, Entry> entries;
    for (const auto& row : rows.rows) {
      entries[row[0].value_or("")] = {row[1].value_or(""), row[2] == "1"};
    }
    return entries;
  }

  Status journal(const MigrationStep& step, const SqlStatement& statement, int index, bool ended) {
    const auto written = connection_.query(
        fmt::format("INSERT INTO ripcord_journal (version, direction, step, total, digest, "
                    "statement, finished_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, {0}) ON CONFLICT "
                    "(version, direction, step) DO UPDATE SET digest = ?5, statement = ?6, "
                    "finished_at = {0}",
                    ended ? "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')" : "NULL"),
        {std::to_string(step.migration.version), direction_of(step), std::to_string(index),
         std::to_string(step.statements.size()), sha256_hex(statement.text), statement.text});
    return written ? ok_status() : written.error();
  }

  FileLock lock_;  // let go of last
  Connection connection_;
  Clock& clock_;
  Trace trace_;
  SchemaTables tables_;
  codec::HistoryFollower followed_;
  std::vector<AppliedMigration> records_;
  std::string history_as_of_;  // foreign_writes(); empty = not read
  std::string records_as_of_;
  std::size_t violations_ = 0;
  std::size_t violations_after_ = 0;
  std::string violations_as_of_;
  SqliteTransitions transitions_;
};

}  // namespace

std::unique_ptr<SchemaSession> make_session(Connection connection, FileLock lock, Clock& clock,
                                            Trace trace) {
  return std::make_unique<Session>(std::move(connection), std::move(lock), clock, std::move(trace));
}

}  // namespace ripcord::sqlite
