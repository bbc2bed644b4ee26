// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/backup_source.h"

#include "adapters/postgres/client_tools.h"
#include "adapters/postgres/contents.h"

#include <functional>
#include <optional>
#include <thread>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

Result<std::string> tool_version(const std::string& url, CommandRunner& commands,
                                 const std::stop_token& stop) {
  Command command;
  command.argv = {tool_path("pg_dump"), "--version"};
  ASSIGN_OR_RETURN(const CommandOutcome outcome, run_tool(url, commands, std::move(command), stop));
  return outcome.out.substr(0, outcome.out.find('\n'));
}

Status dump(const std::string& url, CommandRunner& commands, const BackupOrder& order,
            const std::string& snapshot, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const std::string database, database_name(order.database));
  ASSIGN_OR_RETURN(const std::string conninfo, secretless_conninfo(url, database));
  Command command;
  command.argv = {tool_path("pg_dump"), "--no-password", "--snapshot=" + snapshot,
                  "--file=" + order.path, "--dbname=" + conninfo};
  if (order.format == BackupFormat::kPgDirectory) {
    command.argv.insert(command.argv.begin() + 1, {"--format=directory", "--jobs=2"});
  } else {
    command.argv.insert(command.argv.begin() + 1, "--format=custom");
  }
  ASSIGN_OR_RETURN(const CommandOutcome outcome, run_tool(url, commands, command, stop));
  if (outcome.exit_code != 0) {
    const bool full = outcome.err.find("No space left on device") != std::string::npos;
    return {full ? StatusCode::kResourceExhausted : StatusCode::kFailedPrecondition,
            fmt::format("pg_dump failed: {}", first_tool_error(outcome.err)),
            full ? "DiskFull" : "DumpFailed"};
  }
  return {};
}

// What is asked in the snapshot before the dump begins.
Result<std::string> describe_server(Connection& connection, BackupManifest& manifest) {
  ASSIGN_OR_RETURN(const Rows rows,
                   connection.query("select pg_export_snapshot(), current_database(), case when "
                                    "pg_is_in_recovery() then pg_last_wal_replay_lsn() else "
                                    "pg_current_wal_lsn() end, current_setting('server_version'), "
                                    "pg_database_size(current_database())"));
  const auto& row = rows.rows.at(0);
  manifest.database = row[1].value_or("");
  manifest.lsn = row[2].value_or("");
  manifest.server = row[3].value_or("");
  manifest.server_version = connection.server_version();
  manifest.database_bytes = std::stoll(row[4].value_or("0"));
  ASSIGN_OR_RETURN(manifest.extensions, extensions_of(connection));
  ASSIGN_OR_RETURN(manifest.roles, roles_of(connection));
  return row[0].value_or("");
}

}  // namespace

Result<std::string> database_name(const DatabaseRef& ref) {
  ASSIGN_OR_RETURN(const std::string url, resolve_url(ref));
  ASSIGN_OR_RETURN(const UrlParts parts, parse_url(url));
  const auto database = parts.options.find("dbname");
  if (database == parts.options.end() || database->second.empty()) {
    return error(StatusCode::kInvalidArgument, "the database URL must name the database",
                 "BadDatabaseUrl");
  }
  return database->second;
}

Result<BackupManifest> PostgresBackups::write(const BackupOrder& order, std::stop_token stop) {
  if (order.format != BackupFormat::kPgCustom && order.format != BackupFormat::kPgDirectory) {
    return error(StatusCode::kInvalidArgument,
                 "a PostgreSQL backup has the format custom or directory", "WrongBackupFormat");
  }
  ASSIGN_OR_RETURN(const std::string url, resolve_url(order.database));
  BackupManifest manifest;
  manifest.engine = Engine::kPostgreSql;
  manifest.format = order.format == BackupFormat::kPgDirectory ? "directory" : "custom";
  ASSIGN_OR_RETURN(manifest.tool, tool_version(url, commands_, stop));
  ASSIGN_OR_RETURN(Connection connection, Connection::open(url, {}, stop));
  RETURN_IF_ERROR(begin_survey(connection, stop));
  manifest.started_at = clock_.wall_now();
  RETURN_IF_ERROR(lock_tables(connection, stop));
  ASSIGN_OR_RETURN(const std::string snapshot, describe_server(connection, manifest));
  trace_point(trace_, "before dump");
  // Side by side: counting costs no time where there is a second core.
  Status dumped;
  Result<DatabaseContents> contents;
  {
    std::stop_source failed;
    const std::stop_callback also(stop, [&failed] { failed.request_stop(); });
    const std::jthread tool([&] {
      dumped = dump(url, commands_, order, snapshot, failed.get_token());
      if (!dumped.ok()) {
        failed.request_stop();
      }
    });
    contents = survey(connection, failed.get_token());
    if (!contents) {
      failed.request_stop();
    }
  }
  trace_point(trace_, "after dump");
  // A failure of one cancels the other, so the one that was not cancelled says why.
  if (!contents && (dumped.ok() || dumped.code() == StatusCode::kCancelled)) {
    return tl::unexpected(contents.error());
  }
  RETURN_IF_ERROR(dumped);
  manifest.contents = std::move(*contents);
  return manifest;
}

}  // namespace ripcord::postgres
