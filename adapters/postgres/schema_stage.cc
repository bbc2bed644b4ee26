// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/schema_stage.h"

#include "adapters/postgres/contents.h"
#include "adapters/postgres/restore_load.h"
#include "adapters/postgres/schema_checks.h"
#include "adapters/postgres/schema_copy.h"
#include "adapters/postgres/schema_records.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

std::string ident(const std::string& name) {
  return Connection::quote_identifier(name);
}

Result<Connection> connect_side(const RestoreSite& site, const std::stop_token& stop) {
  ConnectOptions options;
  options.dbname = site.names.side;
  return Connection::open(site.url, options, stop);
}

Status run(Connection& connection, const std::string& sql, const std::stop_token& stop = {}) {
  return status_of_rows(connection.execute(sql, stop));
}

// How many objects of each kind, as "pg_class 12, pg_proc 3".
Result<std::string> inventory(Connection& connection, const std::string& schema) {
  ASSIGN_OR_RETURN(
      const Rows found,
      connection.query("select coalesce(string_agg(kind || ' ' || n, ', ' order by kind), '') from "
                       "(select d.classid::regclass::text as kind, count(*) as n from pg_depend d "
                       "where d.refclassid = 'pg_namespace'::regclass and d.refobjid = "
                       "(select oid from pg_namespace where nspname = $1) and d.deptype = 'n' "
                       "group by 1) k",
                       {schema}));
  return found.rows.at(0).at(0).value_or("");
}

struct SchemaContents {
  std::vector<TableContents> tables;
  std::string inventory;
};

Result<SchemaContents> contents_of(const RestoreSite& site, const std::string& database,
                                   const std::string& schema, const std::stop_token& stop) {
  ConnectOptions options;
  options.dbname = database;
  ASSIGN_OR_RETURN(Connection connection, Connection::open(site.url, options, stop));
  RETURN_IF_ERROR(begin_survey(connection, stop));
  SchemaContents contents;
  ASSIGN_OR_RETURN(contents.tables, survey_schema(connection, schema, stop));
  ASSIGN_OR_RETURN(contents.inventory, inventory(connection, schema));
  return contents;
}

Status differ(const std::string& what) {
  return {StatusCode::kFailedPrecondition,
          "the copy in the live database is not what was verified: " + what, "ContentsDiffer"};
}

// While both have the same name, so that definitions read the same.
Status compare(const SchemaContents& side, const SchemaContents& copy) {
  if (side.inventory != copy.inventory) {
    return differ(fmt::format("{} instead of {}", copy.inventory, side.inventory));
  }
  for (std::size_t i = 0; i < std::max(side.tables.size(), copy.tables.size()); ++i) {
    if (i >= side.tables.size() || i >= copy.tables.size() || side.tables[i] != copy.tables[i]) {
      const TableContents& table = i < side.tables.size() ? side.tables[i] : copy.tables[i];
      return differ(
          fmt::format("table {} has {} rows where it was verified", table.table, table.rows));
    }
  }
  return {};
}

Result<std::vector<std::string>> renamed_schemas(Connection& side, const RestoreSite& site) {
  ASSIGN_OR_RETURN(const Rows found,
                   side.query("select nspname from pg_namespace where nspname <> $1 and "
                              "right(nspname, length($1)) = $1",
                              {restore_names("", site.uid).side}));
  std::vector<std::string> names;
  for (const auto& row : found.rows) {
    names.push_back(row[0].value_or(""));
  }
  return names;
}

class Stage {
 public:
  Stage(const RestoreSite& site, Connection& side, Connection& live, RestoreNames names)
      : site_(site), side_(side), live_(live), names_(std::move(names)) {}

  Status copy(const std::stop_token& stop) {
    RETURN_IF_ERROR(rename_side(names_.live, names_.side));
    const Status copied = copy_and_compare(stop);
    const Status back = rename_side(names_.side, names_.live);
    return copied.ok() ? back : copied;
  }

  // Statistics: without them the first queries of the users would be planned blindly. The mark is
  // committed with all the log before it on the disk.
  Status finish(const std::string& backup, const std::stop_token& stop) {
    RETURN_IF_ERROR(carry_records(side_, live_, site_, names_, stop));
    RETURN_IF_ERROR(analyze(stop));
    trace_point(site_.trace, "before mark staged");
    RETURN_IF_ERROR(run(live_, schema_mark_sql(names_.side, "", {site_.uid, "staged", backup})));
    trace_point(site_.trace, "after mark staged");
    return {};
  }

 private:
  Status rename_side(const std::string& from, const std::string& to) {
    trace_point(site_.trace, "before side rename");
    RETURN_IF_ERROR(run(side_, fmt::format("alter schema {} rename to {}", ident(from), ident(to)))
                        .annotated("renaming the schema of the side database"));
    trace_point(site_.trace, "after side rename");
    return {};
  }

  Status copy_and_compare(const std::stop_token& stop) {
    SchemaCopy copy{site_.names.side,
                    site_.names.live,
                    {"--schema=" + ident(names_.side)},
                    can_notice_death(live_)};
    trace_point(site_.trace, "before copy");
    RETURN_IF_ERROR(copy_schema(site_, copy, stop));
    trace_point(site_.trace, "after copy");
    ASSIGN_OR_RETURN(const SchemaContents verified,
                     contents_of(site_, site_.names.side, names_.side, stop));
    ASSIGN_OR_RETURN(const SchemaContents copied,
                     contents_of(site_, site_.names.live, names_.side, stop));
    return compare(verified, copied);
  }

  Status analyze(const std::stop_token& stop) {
    ASSIGN_OR_RETURN(
        const Rows tables,
        live_.query("select c.relname from pg_class c join pg_namespace n on n.oid = "
                    "c.relnamespace where n.nspname = $1 and c.relkind in ('r', 'p', 'm')",
                    {names_.side}));
    for (const auto& row : tables.rows) {
      RETURN_IF_ERROR(
          run(live_, fmt::format("analyze {}.{}", ident(names_.side), ident(*row[0])), stop)
              .annotated("analyzing"));
    }
    return {};
  }

  const RestoreSite& site_;
  Connection& side_;
  Connection& live_;
  const RestoreNames names_;
};

}  // namespace

Result<bool> side_names_are_settled(Connection& side, const RestoreSite& site) {
  ASSIGN_OR_RETURN(const std::vector<std::string> renamed, renamed_schemas(side, site));
  return renamed.empty();
}

Status settle_side_names(Connection& side, const RestoreSite& site) {
  const std::string ending = restore_names("", site.uid).side;
  ASSIGN_OR_RETURN(const std::vector<std::string> renamed, renamed_schemas(side, site));
  for (const std::string& name : renamed) {
    RETURN_IF_ERROR(run(side, fmt::format("alter schema {} rename to {}", ident(name),
                                          ident(name.substr(0, name.size() - ending.size()))))
                        .annotated("renaming the schema of the side database"));
  }
  return {};
}

Status stage_schema(Connection& maintenance, const RestoreSite& site, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const SiteState databases, observe(maintenance, site));
  if (!databases.side || !databases.side->mark || databases.side->mark->stage != "loaded") {
    return {StatusCode::kFailedPrecondition,
            fmt::format("{} is not loaded to its end; load it first", site.names.side),
            "SideIncomplete"};
  }
  ASSIGN_OR_RETURN(std::optional<Connection> live, connect_live(site, databases, stop));
  if (!live) {
    return {StatusCode::kUnavailable,
            fmt::format("database {} is not there, or refuses connections", site.names.live),
            "ConnectFailed"};
  }
  ASSIGN_OR_RETURN(Connection side, connect_side(site, stop));
  RETURN_IF_ERROR(settle_side_names(side, site));
  ASSIGN_OR_RETURN(const std::string schema, only_schema(side, site));
  RETURN_IF_ERROR(check_live_schema(*live, &side, schema));
  ASSIGN_OR_RETURN(const SchemaState state, observe_schemas(*live, site, schema));
  const std::string backup = databases.side->mark->backup;
  if (state.staged_of(site, backup)) {
    return {};
  }
  trace_point(site.trace, "before drop staged");
  RETURN_IF_ERROR(drop_staged(*live, site, stop));
  Stage stage(site, side, *live, state.names);
  RETURN_IF_ERROR(stage.copy(stop));
  return stage.finish(backup, stop);
}

}  // namespace ripcord::postgres
