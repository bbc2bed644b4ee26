// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/schema_restore.h"

#include "adapters/postgres/contents.h"
#include "adapters/postgres/restore_checks.h"
#include "adapters/postgres/restore_create.h"
#include "adapters/postgres/schema_checks.h"
#include "adapters/postgres/schema_stage.h"
#include "adapters/postgres/schema_swap.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ripcord::postgres {
namespace {

// Everything that stands, and a session with the live database where there is one.
struct Look {
  SiteState databases;
  std::optional<Connection> live;
  SchemaState schemas;
};

Result<Look> look(Connection& maintenance, const RestoreSite& site, const std::stop_token& stop) {
  Look seen;
  ASSIGN_OR_RETURN(seen.databases, observe(maintenance, site));
  if (seen.databases.live && !seen.databases.live->allows_connections) {
    // What cannot be seen is not gone.
    return error(StatusCode::kUnavailable,
                 fmt::format("database {} refuses connections now, maybe for a swap of databases",
                             site.names.live),
                 "Busy");
  }
  ASSIGN_OR_RETURN(seen.live, connect_live(site, seen.databases, stop));
  if (seen.live) {
    ASSIGN_OR_RETURN(seen.schemas, observe_schemas(*seen.live, site));
  }
  return seen;
}

Result<Look> look(const RestoreSite& site, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(Connection maintenance, connect_maintenance(site, stop));
  return look(maintenance, site, stop);
}

Result<Connection> connect_side(const RestoreSite& site, const std::stop_token& stop) {
  ConnectOptions options;
  options.dbname = site.names.side;
  return Connection::open(site.url, options, stop);
}

Status not_twice() {
  return {StatusCode::kFailedPrecondition, "the swap of this restore has begun already",
          "AlreadySwapped"};
}

// What is asked of the side must find the names that the backup has.
Status settle_side(const RestoreSite& site, const Look& seen, const std::stop_token& stop) {
  if (!seen.databases.side) {
    return {};
  }
  ASSIGN_OR_RETURN(Connection side, connect_side(site, stop));
  ASSIGN_OR_RETURN(const bool settled, side_names_are_settled(side, site));
  if (settled) {
    return {};
  }
  ASSIGN_OR_RETURN(Connection maintenance, connect_maintenance(site, stop));
  RETURN_IF_ERROR(lock_side(maintenance, site, stop));
  return settle_side_names(side, site);
}

class SchemaTarget final : public RestoreTarget {
 public:
  SchemaTarget(RestoreSite site, std::unique_ptr<RestoreTarget> side)
      : site_(std::move(site)), side_(std::move(side)) {}

  Result<RestoreState> read() override {
    ASSIGN_OR_RETURN(RestoreState state, side_->read());
    ASSIGN_OR_RETURN(Look seen, look(site_, {}));
    const SchemaState& schemas = seen.schemas;
    if (!schemas.known()) {
      return state;
    }
    state.swapped = schemas.swapped(site_);
    state.reverted = schemas.reverted(site_);
    state.side_exists = state.side_exists || schemas.staged;
    state.previous_name = schemas.previous ? schemas.names.previous : "";
    if (!state.swapped && !state.reverted) {
      return state;
    }
    const auto& holder = state.swapped ? schemas.live : schemas.staged;
    state.side_complete = false;
    state.side_name = state.reverted ? schemas.names.side : state.side_name;
    state.backup = holder && holder->mark && holder->mark->uid == site_.uid ? holder->mark->backup
                                                                            : std::string();
    ASSIGN_OR_RETURN(
        state.side_bytes,
        schema_bytes(*seen.live, state.swapped ? schemas.names.live : schemas.names.side));
    return state;
  }

  Status load(const Backup& backup, std::stop_token stop) override {
    RETURN_IF_ERROR(drop_stale(stop));
    RETURN_IF_ERROR(side_->load(backup, stop));
    ASSIGN_OR_RETURN(Look seen, look(site_, stop));
    if (!seen.live) {
      return {StatusCode::kUnavailable,
              fmt::format("database {} is not there, or refuses connections", site_.names.live),
              "ConnectFailed"};
    }
    ASSIGN_OR_RETURN(Connection side, connect_side(site_, stop));
    ASSIGN_OR_RETURN(const std::string schema, only_schema(side, site_));
    return check_live_schema(*seen.live, &side, schema);
  }

  Result<std::vector<TableRows>> count(std::stop_token stop) override {
    ASSIGN_OR_RETURN(Look seen, look(site_, stop));
    if (seen.schemas.swapped(site_)) {
      return count_tables(*seen.live, stop, seen.schemas.names.live);
    }
    RETURN_IF_ERROR(settle_side(site_, seen, stop));
    return side_->count(stop);
  }

  Result<std::int64_t> query(const std::string& sql, std::stop_token stop) override {
    ASSIGN_OR_RETURN(const Look seen, look(site_, stop));
    RETURN_IF_ERROR(settle_side(site_, seen, stop));
    return side_->query(sql, stop);
  }

  Result<SwapReport> swap(std::stop_token stop) override {
    ASSIGN_OR_RETURN(Connection maintenance, connect_maintenance(site_, stop));
    RETURN_IF_ERROR(lock_side(maintenance, site_, stop));
    ASSIGN_OR_RETURN(Look seen, look(maintenance, site_, stop));
    SwapReport report;
    report.previous_name = seen.schemas.previous ? seen.schemas.names.previous : "";
    if (seen.schemas.reverted(site_)) {
      return as_return(not_twice());
    }
    if (!seen.schemas.swapped(site_)) {
      RETURN_IF_ERROR(stage_schema(maintenance, site_, stop));
      RETURN_IF_ERROR(lock_swap(maintenance, site_, stop));
      ASSIGN_OR_RETURN(seen, look(maintenance, site_, stop));
      if (!seen.schemas.staged) {
        return error(StatusCode::kUnavailable,
                     fmt::format("database {} was replaced while the schema was copied into it",
                                 site_.names.live),
                     "Busy");
      }
      ASSIGN_OR_RETURN(report, swap_schemas(*seen.live, site_, seen.schemas, stop));
    }
    // It has done its work. One that cannot be dropped now is dropped by the next reconcile.
    trace_point(site_.trace, "before drop side");
    static_cast<void>(drop_database(maintenance, site_.names.side, {}));
    return report;
  }

 private:
  // A copy that was staged by an earlier try, maybe of other contents.
  Status drop_stale(const std::stop_token& stop) {
    ASSIGN_OR_RETURN(Connection maintenance, connect_maintenance(site_, stop));
    RETURN_IF_ERROR(lock_side(maintenance, site_, stop));
    ASSIGN_OR_RETURN(Look seen, look(maintenance, site_, stop));
    if (seen.schemas.swapped(site_) || seen.schemas.reverted(site_)) {
      return not_twice();
    }
    return seen.live ? drop_staged(*seen.live, site_, stop) : ok_status();
  }

  const RestoreSite site_;
  const std::unique_ptr<RestoreTarget> side_;
};

class SchemaLeftovers final : public RestoreLeftovers {
 public:
  SchemaLeftovers(RestoreSite site, std::unique_ptr<RestoreLeftovers> side)
      : site_(std::move(site)), side_(std::move(side)) {}

  Status drop_side() override { return side_->drop_side(); }

  Status drop_previous() override {
    ASSIGN_OR_RETURN(Connection maintenance, connect_maintenance(site_, {}));
    RETURN_IF_ERROR(lock_swap(maintenance, site_, {}));
    ASSIGN_OR_RETURN(Look seen, look(maintenance, site_, {}));
    if (!seen.schemas.previous) {
      return {};
    }
    const std::string& name = seen.schemas.names.previous;
    if (!seen.schemas.live) {
      return {StatusCode::kFailedPrecondition,
              fmt::format("not dropping {}: there is no schema {}, and the previous one may be all "
                          "that is left",
                          name, seen.schemas.names.live),
              "LiveSchemaMissing"};
    }
    ASSIGN_OR_RETURN(const std::vector<std::string> bound, bound_to(*seen.live, name));
    if (!bound.empty()) {
      return {StatusCode::kFailedPrecondition,
              fmt::format("not dropping schema {}: it is used by {}; drop these first", name,
                          fmt::join(bound, ", ")),
              "PreviousInUse"};
    }
    ASSIGN_OR_RETURN(const std::string records, drop_records_sql(*seen.live, name));
    trace_point(site_.trace, "before drop");
    RETURN_IF_ERROR(
        status_of_rows(seen.live->execute(fmt::format("set lock_timeout = '10s'; {} drop schema {} "
                                                      "cascade",
                                                      records, Connection::quote_identifier(name))))
            .annotated("dropping schema " + name));
    trace_point(site_.trace, "after drop");
    return {};
  }

 private:
  const RestoreSite site_;
  const std::unique_ptr<RestoreLeftovers> side_;
};

class SchemaChecks final : public RestoreChecks {
 public:
  SchemaChecks(RestoreSite site, std::unique_ptr<RestoreChecks> side)
      : site_(std::move(site)), side_(std::move(side)) {}

  Status preflight(const Backup& backup, std::stop_token stop) override {
    RETURN_IF_ERROR(side_->preflight(backup, stop));
    return preflight_schema(site_, backup, stop);
  }

  Result<SurveyedDatabase> survey(std::stop_token stop) override {
    ASSIGN_OR_RETURN(Look seen, look(site_, stop));
    if (!seen.schemas.swapped(site_)) {
      RETURN_IF_ERROR(settle_side(site_, seen, stop));
      return side_->survey(stop);
    }
    return survey_tables(seen, stop);
  }

  // All tables as long as it is not known which schema the backup holds.
  Result<LiveRows> count_live(std::stop_token stop) override {
    ASSIGN_OR_RETURN(Look seen, look(site_, stop));
    return seen.live ? count_what_can_be(*seen.live, stop, seen.schemas.names.live) : LiveRows{};
  }
  Result<SurveyedDatabase> survey_live(std::stop_token stop) override {
    ASSIGN_OR_RETURN(Look seen, look(site_, stop));
    return seen.live ? survey_tables(seen, stop) : SurveyedDatabase{};
  }

 private:
  static Result<SurveyedDatabase> survey_tables(Look& seen, const std::stop_token& stop) {
    RETURN_IF_ERROR(begin_survey(*seen.live, stop));
    SurveyedDatabase found{{}, seen.live->server_version()};
    ASSIGN_OR_RETURN(found.contents.tables,
                     survey_schema(*seen.live, seen.schemas.names.live, stop));
    return found;
  }

  const RestoreSite site_;
  const std::unique_ptr<RestoreChecks> side_;
};

class SchemaReverse final : public RestoreReverse {
 public:
  explicit SchemaReverse(RestoreSite site) : site_(std::move(site)) {}

  Result<SwapReport> revert(std::stop_token stop) override {
    ASSIGN_OR_RETURN(Connection maintenance, connect_maintenance(site_, stop));
    RETURN_IF_ERROR(lock_side(maintenance, site_, stop));
    RETURN_IF_ERROR(lock_swap(maintenance, site_, stop));
    ASSIGN_OR_RETURN(Look seen, look(maintenance, site_, stop));
    if (seen.schemas.reverted(site_)) {
      return SwapReport{seen.schemas.names.side, {}};
    }
    if (!seen.live) {
      return error(
          StatusCode::kUnavailable,
          fmt::format("database {} is not there, or refuses connections", site_.names.live),
          "ConnectFailed");
    }
    return revert_schemas(*seen.live, site_, seen.schemas, stop);
  }

 private:
  const RestoreSite site_;
};

class SchemaStaging final : public RestoreStaging {
 public:
  explicit SchemaStaging(RestoreSite site) : site_(std::move(site)) {}

  Status stage(std::stop_token stop) override {
    ASSIGN_OR_RETURN(Connection maintenance, connect_maintenance(site_, stop));
    RETURN_IF_ERROR(lock_side(maintenance, site_, stop));
    ASSIGN_OR_RETURN(const Look seen, look(maintenance, site_, stop));
    return seen.schemas.swapped(site_) ? ok_status() : stage_schema(maintenance, site_, stop);
  }

 private:
  const RestoreSite site_;
};

}  // namespace

OpenedRestore by_schema_instead(OpenedRestore by_database, const RestoreSite& site) {
  OpenedRestore opened;
  opened.target = std::make_unique<SchemaTarget>(site, std::move(by_database.target));
  opened.leftovers = std::make_unique<SchemaLeftovers>(site, std::move(by_database.leftovers));
  opened.checks = std::make_unique<SchemaChecks>(site, std::move(by_database.checks));
  opened.reverse = std::make_unique<SchemaReverse>(site);
  opened.meter = std::move(by_database.meter);
  opened.staging = std::make_unique<SchemaStaging>(site);
  return opened;
}

}  // namespace ripcord::postgres
