// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/restore_databases.h"

#include "adapters/postgres/contents.h"
#include "adapters/postgres/pgbouncer.h"
#include "adapters/postgres/restore_checks.h"
#include "adapters/postgres/restore_create.h"
#include "adapters/postgres/restore_load.h"
#include "adapters/postgres/restore_revert.h"
#include "adapters/postgres/restore_site.h"
#include "adapters/postgres/restore_swap.h"
#include "adapters/postgres/schema_restore.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

Result<std::int64_t> one_number(const Rows& rows) {
  if (rows.rows.size() != 1 || rows.rows[0].size() != 1 || !rows.rows[0][0]) {
    return error(StatusCode::kFailedPrecondition,
                 fmt::format("a verification query must give one row with one number, not {} rows "
                             "of {} columns",
                             rows.rows.size(), rows.columns.size()),
                 "BadVerificationQuery");
  }
  const std::string& text = *rows.rows[0][0];
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) {
    return error(StatusCode::kFailedPrecondition,
                 fmt::format("a verification query must give a whole number, not {:.40}; cast it "
                             "to bigint",
                             text),
                 "BadVerificationQuery");
  }
  return number;
}

Result<Connection> connect_restored(const RestoreSite& site, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(Connection maintenance, connect_maintenance(site, stop));
  ASSIGN_OR_RETURN(const SiteState found, observe(maintenance, site));
  ConnectOptions options;
  options.dbname = found.swapped(site) ? site.names.live : site.names.side;
  return Connection::open(site.url, options, stop);
}

class Target final : public RestoreTarget {
 public:
  Target(RestoreSite site, Duration query_timeout)
      : site_(std::move(site)), query_timeout_(query_timeout) {}

  Result<RestoreState> read() override {
    ASSIGN_OR_RETURN(Connection connection, connect_maintenance(site_, {}));
    ASSIGN_OR_RETURN(const SiteState found, observe(connection, site_));
    RestoreState state;
    state.swapped = found.swapped(site_);
    state.swap_interrupted = found.swap_begun(site_) || found.swap_to_resume(site_);
    state.reverted = found.reverted(site_);
    state.revert_interrupted = found.revert_begun(site_) || found.revert_to_resume(site_);
    state.side_exists = found.side.has_value();
    state.side_name = site_.names.side;
    state.previous_name = found.previous ? site_.names.previous : "";
    const auto& holder = state.swapped ? found.live : found.side;
    if (holder && holder->mark && holder->mark->uid == site_.uid) {
      state.backup = holder->mark->backup;
      state.side_complete = !state.swapped && !state.reverted && holder->mark->stage != "loading";
    }
    state.side_bytes = holder ? holder->bytes : 0;
    return state;
  }

  Status load(const Backup& backup, std::stop_token stop) override {
    RETURN_IF_ERROR(check_backup(site_, backup, stop));
    ASSIGN_OR_RETURN(Connection connection, connect_maintenance(site_, stop));
    RETURN_IF_ERROR(lock_side(connection, site_, stop));
    ASSIGN_OR_RETURN(const SiteState found, observe(connection, site_));
    if (found.swapped(site_) || found.swap_begun(site_) || found.reverted(site_)) {
      return {StatusCode::kFailedPrecondition, "the swap of this restore has begun already",
              "AlreadySwapped"};
    }
    point("before drop side");
    RETURN_IF_ERROR(drop_database(connection, site_.names.side, stop));
    point("before create side");
    RETURN_IF_ERROR(create_side(connection, site_, stop));
    point("after create side");
    RETURN_IF_ERROR(mark(connection, "loading", backup));
    point("before load");
    const bool notices_death = can_notice_death(connection);
    if (const Status loaded = run_load(site_, backup, notices_death, stop); !loaded.ok()) {
      end_side_sessions(connection);
      return loaded;
    }
    point("after load");
    RETURN_IF_ERROR(analyze(stop));
    point("before mark loaded");
    RETURN_IF_ERROR(mark(connection, "loaded", backup));
    point("after mark loaded");
    return {};
  }

  Result<std::vector<TableRows>> count(std::stop_token stop) override {
    ASSIGN_OR_RETURN(Connection connection, connect_restored(site_, stop));
    return count_tables(connection, stop);
  }

  Result<std::int64_t> query(const std::string& sql, std::stop_token stop) override {
    ASSIGN_OR_RETURN(Connection connection, connect_restored(site_, stop));
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(query_timeout_).count();
    RETURN_IF_ERROR(status_of_rows(connection.execute(
        fmt::format("set statement_timeout = {}; set default_transaction_read_only = on", ms))));
    ASSIGN_OR_RETURN(const Rows rows, connection.query(sql, {}, stop));
    return one_number(rows);
  }

  Result<SwapReport> swap(std::stop_token stop) override { return swap_databases(site_, stop); }

 private:
  void point(std::string_view name) const { trace_point(site_.trace, name); }

  Status mark(Connection& connection, const std::string& stage, const Backup& backup) {
    return set_mark(connection, site_.names.side, "", {site_.uid, stage, backup.name});
  }

  // The server does not notice that a stopped tool is gone before the statement in hand has ended.
  void end_side_sessions(Connection& connection) {
    static_cast<void>(connection.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1",
        {site_.names.side}));
  }

  // A restored database has no statistics: the first queries of the users would be planned blindly.
  Status analyze(const std::stop_token& stop) {
    ConnectOptions options;
    options.dbname = site_.names.side;
    ASSIGN_OR_RETURN(Connection connection, Connection::open(site_.url, options, stop));
    return status_of_rows(connection.execute("analyze", stop)).annotated("analyzing");
  }

  const RestoreSite site_;
  const Duration query_timeout_;
};

class Leftovers final : public RestoreLeftovers {
 public:
  explicit Leftovers(RestoreSite site) : site_(std::move(site)) {}

  Status drop_side() override {
    RETURN_IF_ERROR(drop_staged_schema());
    return drop(site_.names.side, lock_side, [this](const SiteState& found) {
      return found.swap_begun(site_) && !found.swapped(site_)
                 ? Status(StatusCode::kFailedPrecondition, "its swap has begun; finish it first",
                          "SwapInterrupted")
                 : ok_status();
    });
  }

  Status drop_previous() override {
    return drop(site_.names.previous, lock_swap, [this](const SiteState& found) {
      return found.previous && !found.live
                 ? Status(StatusCode::kFailedPrecondition,
                          fmt::format("there is no database {}: the previous one may be all that "
                                      "is left",
                                      site_.names.live),
                          "LiveDatabaseMissing")
                 : ok_status();
    });
  }

 private:
  // Of a swap by schema, also when the request asks for another swap by now.
  Status drop_staged_schema() {
    ASSIGN_OR_RETURN(Connection connection, connect_maintenance(site_, {}));
    RETURN_IF_ERROR(lock_side(connection, site_, {}).annotated("not dropping the side"));
    ASSIGN_OR_RETURN(const SiteState found, observe(connection, site_));
    ASSIGN_OR_RETURN(std::optional<Connection> live, connect_live(site_, found, {}));
    return live ? drop_staged(*live, site_, {}) : ok_status();
  }

  template <class Lock, class Check>
  Status drop(const std::string& name, Lock lock, Check check) {
    ASSIGN_OR_RETURN(Connection connection, connect_maintenance(site_, {}));
    RETURN_IF_ERROR(lock(connection, site_, {}).annotated("not dropping " + name));
    ASSIGN_OR_RETURN(const SiteState found, observe(connection, site_));
    RETURN_IF_ERROR(check(found).annotated("not dropping " + name));
    trace_point(site_.trace, "before drop");
    RETURN_IF_ERROR(drop_database(connection, name, {}));
    trace_point(site_.trace, "after drop");
    return {};
  }

  const RestoreSite site_;
};

class Checks final : public RestoreChecks {
 public:
  explicit Checks(RestoreSite site) : site_(std::move(site)) {}

  Status preflight(const Backup& backup, std::stop_token stop) override {
    return postgres::preflight(site_, backup, stop);
  }
  Result<SurveyedDatabase> survey(std::stop_token stop) override {
    ASSIGN_OR_RETURN(Connection connection, connect_restored(site_, stop));
    return survey_by(connection, stop);
  }
  Result<LiveRows> count_live(std::stop_token stop) override {
    ASSIGN_OR_RETURN(std::optional<Connection> connection, open_live(stop));
    return connection ? count_what_can_be(*connection, stop) : LiveRows{};
  }
  Result<SurveyedDatabase> survey_live(std::stop_token stop) override {
    ASSIGN_OR_RETURN(std::optional<Connection> connection, open_live(stop));
    return connection ? survey_by(*connection, stop) : SurveyedDatabase{};
  }

 private:
  Result<std::optional<Connection>> open_live(const std::stop_token& stop) {
    ASSIGN_OR_RETURN(Connection maintenance, connect_maintenance(site_, stop));
    ASSIGN_OR_RETURN(const SiteState found, observe(maintenance, site_));
    if (!found.live) {
      return std::nullopt;
    }
    ASSIGN_OR_RETURN(Connection connection, Connection::open(site_.url, {}, stop));
    return connection;
  }
  static Result<SurveyedDatabase> survey_by(Connection& connection, const std::stop_token& stop) {
    RETURN_IF_ERROR(begin_survey(connection, stop));
    ASSIGN_OR_RETURN(DatabaseContents contents, postgres::survey(connection, stop));
    return SurveyedDatabase{std::move(contents), connection.server_version()};
  }

  const RestoreSite site_;
};

class Reverse final : public RestoreReverse {
 public:
  explicit Reverse(RestoreSite site) : site_(std::move(site)) {}
  Result<SwapReport> revert(std::stop_token stop) override { return revert_swap(site_, stop); }

 private:
  const RestoreSite site_;
};

// With sessions of its own: the one that loads is busy.
class Meter final : public RestoreMeter {
 public:
  explicit Meter(RestoreSite site) : site_(std::move(site)) {}

  Result<LoadMeasure> measure() override {
    ConnectOptions options;
    options.dbname = site_.names.side;
    ASSIGN_OR_RETURN(Connection connection, Connection::open(site_.url, options));
    ASSIGN_OR_RETURN(
        const Rows found,
        connection.query(
            "select pg_database_size(current_database()), coalesce((select sum(n_tup_ins) from "
            "pg_stat_user_tables), 0) + coalesce((select sum(tuples_processed) from "
            "pg_stat_progress_copy where datname = current_database()), 0)"));
    return LoadMeasure{std::stoll(found.rows.at(0).at(0).value_or("0")),
                       std::stoll(found.rows.at(0).at(1).value_or("0"))};
  }

 private:
  const RestoreSite site_;
};

}  // namespace

Result<OpenedRestore> PostgresRestores::open(const RestoreOrder& order) {
  const std::string& request_uid = order.request_uid;
  const auto usable = [](char c) { return c > ' ' && c != 0x7f; };
  if (request_uid.empty() || !std::all_of(request_uid.begin(), request_uid.end(), usable)) {
    return error(StatusCode::kInternal, "a restore needs the uid of its request");
  }
  RestoreSite site;
  ASSIGN_OR_RETURN(site.url, resolve_url(order.database, options_.secrets));
  ASSIGN_OR_RETURN(const UrlParts parts, parse_url(site.url));
  const auto database = parts.options.find("dbname");
  if (database == parts.options.end() || database->second.empty() ||
      database->second == kMaintenanceDatabase) {
    return error(StatusCode::kInvalidArgument,
                 "the database URL must name the database to restore, and not `postgres`, through "
                 "which restores are done",
                 "BadDatabaseUrl");
  }
  site.uid = request_uid;
  site.names = restore_names(database->second, request_uid);
  site.commands = &commands_;
  site.clock = &clock_;
  site.trace = options_.trace;
  const bool by_schema = order.swap_by == RestoreUnit::kSchema;
  if (order.pgbouncer && !by_schema) {  // a swap of schemas holds nobody up
    ASSIGN_OR_RETURN(site.pooler_url, resolve_pooler_url(*order.pgbouncer));
  }
  OpenedRestore opened;
  opened.target = std::make_unique<Target>(site, options_.query_timeout);
  opened.leftovers = std::make_unique<Leftovers>(site);
  opened.checks = std::make_unique<Checks>(site);
  opened.reverse = std::make_unique<Reverse>(site);
  opened.meter = std::make_unique<Meter>(site);
  return by_schema ? by_schema_instead(std::move(opened), site) : std::move(opened);
}

}  // namespace ripcord::postgres
