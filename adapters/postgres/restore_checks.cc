// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/restore_checks.h"

#include "adapters/postgres/client_tools.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ripcord::postgres {
namespace {

// Ours, and golang-migrate's version table: they say nothing about the contents of a backup.
constexpr std::string_view kBookkeeping =
    "(n.nspname = 'ripcord' or c.relname = "
    "'schema_migrations' and (select string_agg(a.attname || ' ' || format_type(a.atttypid, "
    "a.atttypmod), ', ' order by a.attname) from pg_attribute a where a.attrelid = c.oid and "
    "a.attnum > 0 and not a.attisdropped) = 'dirty boolean, version bigint')";

std::int64_t number(const Value& text) {
  std::int64_t value = 0;
  if (text) {
    std::from_chars(text->data(), text->data() + text->size(), value);
  }
  return value;
}

Status lacks(std::string message, std::string reason) {
  return {StatusCode::kFailedPrecondition, std::move(message), std::move(reason)};
}

// The names in `wanted` for which `sql` (one column of names) has no row.
Result<std::vector<std::string>> missing(Connection& connection,
                                         const std::vector<std::string>& wanted,
                                         const std::string& sql) {
  std::vector<std::string> left = wanted;
  ASSIGN_OR_RETURN(const Rows found, connection.query(sql));
  for (const auto& row : found.rows) {
    std::erase(left, row.at(0).value_or(""));
  }
  return left;
}

Status check_extensions(Connection& connection, const DumpFacts& facts) {
  ASSIGN_OR_RETURN(
      const std::vector<std::string> absent,
      missing(connection, facts.extensions, "select name from pg_available_extensions"));
  return absent.empty()
             ? ok_status()
             : lacks(fmt::format("the backup needs extensions that this server does not have: {}; "
                                 "install them on the server",
                                 fmt::join(absent, ", ")),
                     "ExtensionMissing");
}

Status check_roles(Connection& connection, const Backup& backup) {
  if (!backup.manifest) {
    return {};
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> absent,
                   missing(connection, backup.manifest->roles, "select rolname from pg_roles"));
  return absent.empty()
             ? ok_status()
             : lacks(fmt::format("owners or grantees of the backup do not exist on this server: "
                                 "{}; create these roles, so that nobody loses access",
                                 fmt::join(absent, ", ")),
                     "RoleMissing");
}

// Only a server on this machine, reached through its socket, has a disk that can be looked at.
Status check_room(Connection& connection, const Backup& backup) {
  const auto found =
      connection.query("select current_setting('data_directory'), inet_server_addr() is null");
  if (!found || found->rows.at(0).at(1) != "t") {
    return {};
  }
  std::error_code failure;
  const auto room = std::filesystem::space(found->rows[0][0].value_or(""), failure);
  const std::int64_t needed = backup.manifest ? backup.manifest->database_bytes : backup.bytes;
  if (failure || static_cast<std::int64_t>(room.available) >= needed) {
    return {};
  }
  return {StatusCode::kResourceExhausted,
          fmt::format("the restored database needs {} bytes in {}, and {} are free", needed,
                      found->rows[0][0].value_or(""), room.available),
          "DiskFull"};
}

void add_once(std::vector<std::string>& names, std::string name) {
  if (name != "ripcord" && std::find(names.begin(), names.end(), name) == names.end()) {
    names.push_back(std::move(name));
  }
}

// Of "215; 1259 16386 TABLE public users postgres"; empty for every other kind of line.
std::string schema_of_table(const std::string& line) {
  std::istringstream words(line);
  std::string id;
  std::string catalog;
  std::string object;
  std::string kind;
  std::string schema;
  words >> id >> catalog >> object >> kind >> schema;
  const bool table = kind == "TABLE" && schema != "DATA" && schema != "ATTACH";
  return table && id.ends_with(';') && id.size() > 1 ? schema.substr(0, schema.find('.')) : "";
}

struct TableName {
  std::string shown;
  std::string quoted;
};

Status begin_snapshot(Connection& connection) {
  return status_of_rows(
      connection.execute("begin transaction isolation level repeatable read read only"));
}

Result<std::vector<TableName>> tables_by_size(Connection& connection, const std::string& schema,
                                              const std::stop_token& stop) {
  ASSIGN_OR_RETURN(
      const Rows found,
      connection.query("select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid "
                       "= c.relnamespace where c.relkind = 'r' and c.relpersistence <> 't' and "
                       "n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and not " +
                           std::string(kBookkeeping) +
                           " and ($1 = '' or n.nspname = $1) order by c.relpages, 1, 2",
                       {schema}, stop));
  std::vector<TableName> tables;
  for (const auto& row : found.rows) {
    tables.push_back(
        {*row[0] + "." + *row[1], fmt::format("{}.{}", Connection::quote_identifier(*row[0]),
                                              Connection::quote_identifier(*row[1]))});
  }
  return tables;
}

Result<TableRows> count_one(Connection& connection, const TableName& table,
                            const std::stop_token& stop) {
  // ONLY: rows of inheriting tables are counted with their own table.
  ASSIGN_OR_RETURN(
      const Rows counted,
      connection.query(fmt::format("select count(*) from only {}", table.quoted), {}, stop));
  return TableRows{table.shown, number(counted.rows.at(0).at(0))};
}

void sort_by_name(std::vector<TableRows>& tables) {
  std::sort(tables.begin(), tables.end(),
            [](const TableRows& a, const TableRows& b) { return a.table < b.table; });
}

}  // namespace

Result<DumpFacts> facts_of(const RestoreSite& site, const Backup& backup,
                           const std::stop_token& stop) {
  if (backup.manifest) {
    DumpFacts facts{backup.manifest->server_version / 10000, backup.manifest->extensions, {}};
    for (const TableContents& table : backup.manifest->contents.tables) {
      add_once(facts.schemas, table.table.substr(0, table.table.find_first_of(" .")));
    }
    return facts;
  }
  if (backup.format == BackupFormat::kPgPlain) {
    return DumpFacts{};
  }
  Command list;
  list.argv = {tool_path("pg_restore"), "--list", "--", backup.path};
  list.keep_output = 16 << 20;
  ASSIGN_OR_RETURN(const CommandOutcome outcome,
                   run_tool(site.url, *site.commands, std::move(list), stop));
  return facts_of_listing(outcome.out);
}

DumpFacts facts_of_listing(const std::string& listing) {
  DumpFacts facts;
  std::istringstream lines(listing);
  constexpr std::string_view kVersion = "Dumped from database version: ";
  constexpr std::string_view kExtension = " EXTENSION - ";
  for (std::string line; std::getline(lines, line);) {
    if (const auto at = line.find(kVersion); line.starts_with(';') && at != std::string::npos) {
      facts.server_major = std::atoll(line.c_str() + at + kVersion.size());
    } else if (const auto name = line.find(kExtension);
               !line.starts_with(';') && name != std::string::npos) {
      std::string extension = line.substr(name + kExtension.size());
      extension.erase(std::min(extension.find(' '), extension.size()));
      facts.extensions.push_back(extension);
    } else if (const std::string schema = schema_of_table(line); !schema.empty()) {
      add_once(facts.schemas, schema);
    }
  }
  return facts;
}

Status preflight(const RestoreSite& site, const Backup& backup, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const DumpFacts facts, facts_of(site, backup, stop));
  ASSIGN_OR_RETURN(Connection connection, connect_maintenance(site, stop));
  const std::int64_t major = connection.server_version() / 10000;
  if (facts.server_major > major) {
    return lacks(fmt::format("backup {} is of PostgreSQL {}, and this server is PostgreSQL {}; "
                             "restore it on a server that is not older",
                             backup.name, facts.server_major, major),
                 "WrongVersion");
  }
  RETURN_IF_ERROR(check_extensions(connection, facts));
  RETURN_IF_ERROR(check_roles(connection, backup));
  return check_room(connection, backup);
}

Result<std::vector<TableRows>> count_tables(Connection& connection, const std::stop_token& stop,
                                            const std::string& schema) {
  RETURN_IF_ERROR(begin_snapshot(connection));
  ASSIGN_OR_RETURN(const std::vector<TableName> tables, tables_by_size(connection, schema, stop));
  std::vector<TableRows> counts;
  for (const TableName& table : tables) {
    ASSIGN_OR_RETURN(TableRows counted, count_one(connection, table, stop));
    counts.push_back(std::move(counted));
  }
  sort_by_name(counts);
  return counts;
}

Result<LiveRows> count_what_can_be(Connection& connection, const std::stop_token& stop,
                                   const std::string& schema) {
  RETURN_IF_ERROR(status_of_rows(connection.execute("set lock_timeout = '1s'", stop)));
  RETURN_IF_ERROR(begin_snapshot(connection));
  ASSIGN_OR_RETURN(const std::vector<TableName> tables, tables_by_size(connection, schema, stop));
  LiveRows rows;
  for (const TableName& table : tables) {
    if (stop.stop_requested()) {
      rows.uncounted.push_back({table.shown, "there was no time to count it"});
      continue;
    }
    Result<TableRows> counted = count_one(connection, table, stop);
    if (counted) {
      rows.counted.push_back(std::move(*counted));
      continue;
    }
    rows.uncounted.push_back({table.shown, stop.stop_requested() ? "counting it takes too long"
                                                                 : counted.error().message()});
    // Another snapshot then, which is as good: clients write all the time.
    static_cast<void>(connection.execute("rollback", stop));
    static_cast<void>(begin_snapshot(connection));
  }
  sort_by_name(rows.counted);
  return rows;
}

}  // namespace ripcord::postgres
