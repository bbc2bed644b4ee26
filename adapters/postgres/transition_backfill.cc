// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/transition_backfill.h"

#include "adapters/postgres/migration_locks.h"
#include "adapters/postgres/transition_sync.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

using std::chrono::milliseconds;

constexpr auto kRowPatience = milliseconds(200);
constexpr auto kFirstRest = milliseconds(100);
constexpr int kLongestRest = 8;  // times the first
constexpr auto kLagRest = milliseconds(500);
constexpr int kShrink = 4;

std::int64_t in_milliseconds(Duration d) {
  return std::chrono::duration_cast<milliseconds>(d).count();
}

bool gave_way(const Status& status) {
  const std::string reason = status.reason();
  return reason == "LockTimeout" || reason == "Deadlock" || reason == "SerializationFailure";
}

Status unfit(std::string message) {
  return {StatusCode::kFailedPrecondition, std::move(message), "BadTransition"};
}

}  // namespace

Result<TransitionBatch> Backfill::next(const TransitionBackfill& declared,
                                       const MigrationPolicy& policy, const std::stop_token& stop) {
  if (table_.empty()) {
    RETURN_IF_ERROR(look(declared));
  }
  if (declared.max_lag > Duration::zero()) {
    ASSIGN_OR_RETURN(const std::optional<std::string> behind, too_far_behind(declared.max_lag));
    if (behind) {
      return TransitionBatch{.waits_for = *behind, .rest = kLagRest};
    }
  }
  size_ = size_ == 0 ? declared.batch_size : std::min<std::int64_t>(size_, declared.batch_size);
  Result<TransitionBatch> batch = attempt(declared, policy, stop);
  if (batch) {
    size_ *= 2;
    waits_ = 0;
    return batch;
  }
  if (connection_.alive()) {
    static_cast<void>(connection_.execute("ROLLBACK"));
  }
  if (!gave_way(batch.error())) {
    return as_return(batch.error().annotated("backfill"));
  }
  size_ = std::max<std::int64_t>(1, size_ / kShrink);
  const int times = std::min(kLongestRest, 1 << std::min(waits_++, 3));
  return TransitionBatch{
      .waits_for = fmt::format("rows or the table {} are locked by another session: {}", table_,
                               batch.error().message()),
      .rest = jittered(kFirstRest * times, waits_)};
}

Status Backfill::look(const TransitionBackfill& declared) {
  ASSIGN_OR_RETURN(const std::string table, resolve_table(connection_, declared.table));
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection_.query(
          "SELECT quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), a.attnotnull, "
          "EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON "
          "m.oid = c.relam WHERE i.indrelid = a.attrelid AND i.indisvalid AND i.indpred IS NULL "
          "AND i.indkey[0] = a.attnum AND m.amname = 'btree') FROM pg_attribute a WHERE a.attrelid "
          "= $1::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = $2",
          {table, declared.key}));
  if (rows.rows.empty()) {
    return unfit(fmt::format("backfill.key: table {} has no column {}", table, declared.key));
  }
  const auto& row = rows.rows[0];
  if (row[2] != "t") {
    return unfit(fmt::format(
        "backfill.key: {}.{} may be NULL, and such a row would never be reached; name another "
        "column, or make it NOT NULL",
        table, declared.key));
  }
  if (row[3] != "t") {
    return unfit(fmt::format(
        "backfill.key: no index of {0} begins with {1}, so that each batch would sort the whole "
        "table; name another column, or create one (CREATE INDEX CONCURRENTLY ON {0} ({1}))",
        table, declared.key));
  }
  // As ANALYZE has seen it: all rows of one key are one batch.
  ASSIGN_OR_RETURN(
      const Rows often,
      connection_.query("SELECT coalesce(max(s.most_common_freqs[1] * c.reltuples), 0)::bigint "
                        "FROM pg_stats s JOIN pg_namespace n ON n.nspname = s.schemaname JOIN "
                        "pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename WHERE "
                        "c.oid = $1::regclass AND s.attname = $2",
                        {table, declared.key}));
  const std::int64_t alike = std::strtoll(often.rows[0][0].value_or("0").c_str(), nullptr, 10);
  if (alike > declared.batch_size) {
    return unfit(fmt::format(
        "backfill.key: about {} rows of {} have the same {}, and a batch takes all of them (more "
        "than backfill.batchSize, {}); name a column that is unique",
        alike, table, declared.key, declared.batch_size));
  }
  ASSIGN_OR_RETURN(const Rows cursor, connection_.execute("SELECT cursor FROM ripcord.transitions "
                                                          "WHERE " +
                                                          row_));
  if (cursor.rows.empty()) {
    return {StatusCode::kInternal, "a backfill that was not begun"};
  }
  cursor_ = cursor.rows[0][0];
  key_ = row[0].value_or("");
  key_type_ = row[1].value_or("");
  table_ = table;
  return {};
}

Result<std::optional<std::string>> Backfill::too_far_behind(Duration max_lag) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection_.execute("SELECT extract(epoch FROM max(replay_lag))::float8, (array_agg("
                          "application_name ORDER BY replay_lag DESC NULLS LAST))[1] FROM "
                          "pg_stat_replication"));
  const double lag = rows.rows[0][0] ? std::strtod(rows.rows[0][0]->c_str(), nullptr) : 0;
  if (lag <= to_seconds(max_lag)) {
    return std::optional<std::string>{};
  }
  return fmt::format("replica {} is {:.1f} s behind (backfill.maxLag is {:g} s)",
                     rows.rows[0][1].value_or("?"), lag, to_seconds(max_lag));
}

std::string Backfill::beyond_cursor() const {
  return cursor_ ? fmt::format("{} > {}::{}", key_, Connection::quote_literal(*cursor_), key_type_)
                 : "true";
}

Result<TransitionBatch> Backfill::attempt(const TransitionBackfill& declared,
                                          const MigrationPolicy& policy,
                                          const std::stop_token& stop) {
  const Duration patience = policy.lock_timeout > Duration::zero()
                                ? std::min<Duration>(policy.lock_timeout, kRowPatience)
                                : Duration(kRowPatience);
  trace_point(trace_, "before a batch");
  ASSIGN_OR_RETURN(
      const Rows found,
      connection_.execute(
          fmt::format("BEGIN; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}; SET "
                      "LOCAL ripcord.backfill = 'on'; SELECT {}::text AS \"ripcord key\" FROM {} "
                      "WHERE {} ORDER BY {} OFFSET {} LIMIT 1",
                      in_milliseconds(patience), in_milliseconds(policy.statement_timeout), key_,
                      table_, beyond_cursor(), key_, size_ - 1),
          stop));
  // Nothing so far away: the batch is all that is left.
  const bool last = found.rows.empty();
  std::string range = beyond_cursor();
  std::optional<std::string> cursor = cursor_;
  if (!last) {
    cursor = found.rows[0][0];
    range += fmt::format(" AND {} <= {}::{}", key_, Connection::quote_literal(*cursor), key_type_);
  }
  // Not with others in one command: what the declaration says is one statement, never two.
  ASSIGN_OR_RETURN(const Rows changed,
                   connection_.query(
                       fmt::format("UPDATE {} SET {}\nWHERE {}{}", table_, declared.set, range,
                                   declared.where.empty() ? "" : " AND (" + declared.where + "\n)"),
                       {}, stop));
  trace_point(trace_, "before the batch's COMMIT");
  const std::int64_t scanned = last ? changed.affected : size_;
  const auto noted = connection_.execute(fmt::format(
      "UPDATE ripcord.transitions SET cursor = {}, rows = rows + {}, scanned = scanned + {}{} "
      "WHERE {}; COMMIT",
      cursor ? Connection::quote_literal(*cursor) : "NULL", changed.affected, scanned,
      last ? ", finished_at = clock_timestamp()" : "", row_));
  if (!noted) {
    table_.clear();  // whether it was committed is asked again
    return as_return(noted.error());
  }
  trace_point(trace_, "after the batch's COMMIT");
  cursor_ = cursor;
  return TransitionBatch{
      .rows = changed.affected, .scanned = scanned, .finished = last, .rest = declared.pause};
}

}  // namespace ripcord::postgres
