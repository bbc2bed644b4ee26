// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/restore_load.h"

#include "adapters/postgres/client_tools.h"
#include "adapters/postgres/plain_dump.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <random>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

constexpr std::string_view kDeathCheck = "client_connection_check_interval=2000";  // ms
// One flush at the end instead of one a statement: the mark `loaded` is written by another session
// that waits for all the log before it. A server that crashes earlier has a side without that mark.
constexpr std::string_view kNoFlush = "-c synchronous_commit=off";

bool contains_any(const std::string& text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

}  // namespace

Status tool_failure(const std::string& tool, const std::string& source,
                    const CommandOutcome& outcome) {
  std::string message =
      fmt::format("{} of {} failed: {}", tool, source, first_tool_error(outcome.err));
  if (contains_any(outcome.err, {"No space left on device"})) {
    return {StatusCode::kResourceExhausted, message + "; make room on the server's disk",
            "DiskFull"};
  }
  if (contains_any(outcome.err,
                   {"server closed the connection", "terminating connection", "Connection refused",
                    "the database system is", "connection to server at", "SSL connection has been",
                    "connection to server on socket", "no connection to the server"})) {
    return {StatusCode::kUnavailable, std::move(message), "ConnectionLost"};
  }
  if (contains_any(outcome.err, {"unsupported version", "unrecognized configuration parameter"})) {
    message +=
        "; the dump is newer than this PostgreSQL: install newer client tools, or dump with "
        "an older pg_dump";
  }
  return {StatusCode::kFailedPrecondition, std::move(message), "LoadFailed"};
}

namespace {

std::string random_key() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", device(), device(), device(), device());
}

// psql 15.14 and later refuse every backslash command after \restrict; older ones do not know it.
Result<bool> psql_can_restrict(const RestoreSite& site, const std::stop_token& stop) {
  Command help;
  help.argv = {tool_path("psql"), "-X", "--help=commands"};
  ASSIGN_OR_RETURN(const CommandOutcome outcome,
                   run_tool(site.url, *site.commands, std::move(help), stop));
  return outcome.out.find("\\restrict") != std::string::npos;
}

Result<Command> load_command(const RestoreSite& site, const Backup& backup, bool notices_death,
                             const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const std::string conninfo,
                   secretless_conninfo(site.url, site.names.side,
                                       fmt::format("{}{}{}", kNoFlush, notices_death ? " -c " : "",
                                                   notices_death ? kDeathCheck : "")));
  Command command;
  if (backup.format != BackupFormat::kPgPlain) {
    command.argv = {tool_path("pg_restore"),
                    "--no-password",
                    "--jobs=2",
                    "--exit-on-error",
                    "--no-subscriptions",  // a database that has one cannot be dropped
                    "--dbname=" + conninfo,
                    "--",
                    backup.path};
    return command;
  }
  ASSIGN_OR_RETURN(const PlainDump dump, inspect_plain_dump(backup.name, backup.path, stop));
  command.argv = {tool_path("psql"),
                  "-X",
                  "-q",
                  "--no-password",
                  "-v",
                  "ON_ERROR_STOP=1",
                  "--single-transaction",
                  "--dbname=" + conninfo};
  if (!dump.restricts_itself) {
    ASSIGN_OR_RETURN(const bool can_restrict, psql_can_restrict(site, stop));
    if (can_restrict) {
      command.argv.push_back("--command=\\restrict " + random_key());
    }
  }
  command.argv.push_back("--file=" + backup.path);
  return command;
}

}  // namespace

bool can_notice_death(Connection& connection) {
  return connection.execute("set " + std::string(kDeathCheck)).has_value();
}

Status check_backup(const RestoreSite& site, const Backup& backup, const std::stop_token& stop) {
  switch (backup.format) {
    case BackupFormat::kPgPlain: {
      const auto dump = inspect_plain_dump(backup.name, backup.path, stop);
      return dump ? ok_status() : dump.error();
    }
    case BackupFormat::kPgCustom:
    case BackupFormat::kPgDirectory: {
      Command list;
      list.argv = {tool_path("pg_restore"), "--list", "--", backup.path};
      ASSIGN_OR_RETURN(const CommandOutcome outcome,
                       run_tool(site.url, *site.commands, std::move(list), stop));
      return outcome.exit_code == 0 ? ok_status()
                                    : tool_failure("pg_restore", "backup " + backup.name, outcome);
    }
    case BackupFormat::kSqliteFile:
    case BackupFormat::kSimulated:
      break;
  }
  return {StatusCode::kInvalidArgument,
          fmt::format("backup {} is no PostgreSQL dump, but spec.database.engine is PostgreSQL",
                      backup.name),
          "WrongBackupFormat"};
}

Status run_load(const RestoreSite& site, const Backup& backup, bool notices_death,
                const std::stop_token& stop) {
  ASSIGN_OR_RETURN(Command command, load_command(site, backup, notices_death, stop));
  ASSIGN_OR_RETURN(const CommandOutcome outcome,
                   run_tool(site.url, *site.commands, std::move(command), stop));
  const std::string tool = backup.format == BackupFormat::kPgPlain ? "psql" : "pg_restore";
  return outcome.exit_code == 0 ? ok_status()
                                : tool_failure(tool, "backup " + backup.name, outcome);
}

}  // namespace ripcord::postgres
