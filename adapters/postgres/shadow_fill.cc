// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/shadow_fill.h"

#include "adapters/postgres/client_tools.h"

#include <filesystem>
#include <unistd.h>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

// A file that is gone with the object.
class TemporaryFile {
 public:
  TemporaryFile() {
    std::string path = (std::filesystem::temp_directory_path() / "ripcord-schema-XXXXXX").string();
    const int file = ::mkstemp(path.data());
    if (file >= 0) {
      ::close(file);
      path_ = std::move(path);
    }
  }
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// --lock-wait-timeout is a statement_timeout around LOCK TABLE.
bool waited_in_vain(const CommandOutcome& dump) {
  return holds(dump.err, "LOCK TABLE ") && holds(dump.err, "statement timeout");
}

// Who else holds a lock that nobody can read beside.
std::string holders(Connection& target) {
  const auto rows = target.query(
      "SELECT string_agg(DISTINCT format('table %s is locked by session %s of %s (%s)', "
      "l.relation::regclass, a.pid, a.usename, a.application_name), '; ') FROM pg_locks l JOIN "
      "pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'relation' AND l.granted AND l.mode "
      "= 'AccessExclusiveLock' AND l.relation >= 16384 AND l.database = (SELECT oid FROM "
      "pg_database WHERE datname = current_database())");
  return rows && rows->rows.at(0).at(0) ? *rows->rows[0][0] : "who held it is gone by now";
}

Status failed(const Command& command, const CommandOutcome& outcome) {
  const std::string tool = std::filesystem::path(command.argv.front()).filename().string();
  return {StatusCode::kFailedPrecondition,
          fmt::format("{} of the schema failed: {}", tool, first_tool_error(outcome.err)),
          "SchemaNotCopied"};
}

}  // namespace

Status fill_shadow(const ShadowFill& fill, CommandRunner& commands, const std::stop_token& stop) {
  const TemporaryFile file;
  ASSIGN_OR_RETURN(const std::string source, secretless_conninfo(fill.url, fill.target.database()));
  ASSIGN_OR_RETURN(const std::string shadow, secretless_conninfo(fill.shadow_url, fill.shadow));
  const auto patience =
      std::chrono::duration_cast<std::chrono::milliseconds>(fill.lock_timeout).count();
  Command dump{.argv = {tool_path("pg_dump"), "--no-password", "--schema-only",
                        "--no-subscriptions", "--format=custom", "--file=" + file.path(),
                        fmt::format("--lock-wait-timeout={}", patience), "--dbname=" + source}};
  if (!fill.with_ours) {
    dump.argv.push_back("--exclude-schema=ripcord");
  }
  ASSIGN_OR_RETURN(const CommandOutcome dumped, run_tool(fill.url, commands, dump, stop));
  if (dumped.exit_code != 0 && waited_in_vain(dumped)) {
    return {StatusCode::kUnavailable,
            fmt::format("pg_dump of the schema waited {} ms for a lock: {}", patience,
                        holders(fill.target)),
            "LockTimeout"};
  }
  if (dumped.exit_code != 0) {
    return failed(dump, dumped);
  }
  Command load{.argv = {tool_path("pg_restore"), "--no-password", "--exit-on-error",
                        "--single-transaction", "--dbname=" + shadow}};
  if (fill.url != fill.shadow_url) {
    // Another server need not have the roles.
    load.argv.insert(load.argv.end(), {"--no-owner", "--no-privileges"});
  }
  load.argv.insert(load.argv.end(), {"--", file.path()});
  ASSIGN_OR_RETURN(const CommandOutcome loaded, run_tool(fill.shadow_url, commands, load, stop));
  return loaded.exit_code == 0 ? ok_status() : failed(load, loaded);
}

}  // namespace ripcord::postgres
