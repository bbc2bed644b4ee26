// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/client_tools.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

std::string quoted_value(const std::string& value) {
  std::string text = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') {
      text += '\\';
    }
    text += c;
  }
  return text + "'";
}

}  // namespace

std::string tool_path(const std::string& tool) {
  namespace fs = std::filesystem;
  std::error_code failure;
  int newest = 0;
  std::string found = tool;
  for (fs::directory_iterator at("/usr/lib/postgresql", failure), end; !failure && at != end;
       at.increment(failure)) {
    const fs::path candidate = at->path() / "bin" / tool;
    const int version = std::atoi(at->path().filename().c_str());
    std::error_code ignored;
    if (version > newest && fs::exists(candidate, ignored)) {
      newest = version;
      found = candidate.string();
    }
  }
  return found;
}

std::string first_tool_error(const std::string& text) {
  const auto at = text.find("error:");
  std::string found = at == std::string::npos ? text.substr(0, 400) : text.substr(at + 6, 600);
  const auto second_line = found.find('\n');
  if (second_line != std::string::npos) {
    found.resize(std::min(found.find('\n', second_line + 1), found.size()));
  }
  std::replace(found.begin(), found.end(), '\n', ' ');
  const auto begin = found.find_first_not_of(' ');
  found.erase(0, begin == std::string::npos ? found.size() : begin);
  found.erase(found.find_last_not_of(' ') + 1);
  return found;
}

Result<CommandOutcome> run_tool(const std::string& url, CommandRunner& commands, Command command,
                                const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const UrlParts parts, parse_url(url));
  if (const auto password = parts.options.find("password"); password != parts.options.end()) {
    command.env.emplace_back("PGPASSWORD", password->second);
  }
  command.env.emplace_back("PGAPPNAME", "ripcord");
  command.env.emplace_back("LC_ALL", "C");
  const std::string tool = std::filesystem::path(command.argv.front()).filename().string();
  Result<CommandOutcome> outcome = commands.run(command, stop);
  if (!outcome && outcome.error().code() == StatusCode::kNotFound) {
    return error(
        StatusCode::kFailedPrecondition,
        fmt::format("{} is not installed where Ripcord runs; install the PostgreSQL client "
                    "(Debian: postgresql-client)",
                    tool),
        "ToolMissing");
  }
  return outcome;
}

Result<std::string> secretless_conninfo(const std::string& url, const std::string& database,
                                        const std::string& options) {
  ASSIGN_OR_RETURN(UrlParts parts, parse_url(url));
  if (parts.options.contains("sslpassword")) {
    return error(
        StatusCode::kInvalidArgument,
        "the database URL has sslpassword, which cannot be given to pg_restore unseen; use "
        "a client key without a passphrase",
        "BadDatabaseUrl");
  }
  parts.options.erase("password");
  parts.options["dbname"] = database;
  if (!options.empty()) {
    const char* of_environment = std::getenv("PGOPTIONS");  // NOLINT(concurrency-mt-unsafe)
    std::string& all = parts.options["options"];
    if (all.empty() && of_environment != nullptr) {
      all = of_environment;
    }
    all += (all.empty() ? "" : " ") + options;
  }
  std::string text;
  for (const auto& [key, value] : parts.options) {
    text += (text.empty() ? "" : " ") + key + "=" + quoted_value(value);
  }
  return text;
}

}  // namespace ripcord::postgres
