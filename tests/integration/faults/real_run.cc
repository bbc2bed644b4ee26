// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/faults/real_run.h"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace ripcord {

std::string ask(const RunningRipcord& ripcord, const std::string& path, const std::string& filter) {
  const std::string body = ripcord.api("GET", path).body;
  const RunResult result = run({.argv = {"jq", "-r", filter}}, body.empty() ? "null" : body);
  return result.out.empty() ? "" : result.out.substr(0, result.out.size() - 1);
}

std::string ready(const RunningRipcord& ripcord, const std::string& path) {
  return ask(ripcord, path,
             ".status.conditions[]? | select(.type == \"Ready\") | \"Ready=\\(.status) "
             "\\(.reason)\"");
}

std::string ready_message(const RunningRipcord& ripcord, const std::string& path) {
  return ask(ripcord, path, ".status.conditions[]? | select(.type == \"Ready\") | .message");
}

std::string history(const RunningRipcord& ripcord, const std::string& path) {
  return ask(ripcord, path, ".status.history[]? | \"\\(.from)>\\(.to) \\(.result)\"");
}

std::string await_reason(const RunningRipcord& ripcord, const std::string& path,
                         const std::vector<std::string>& reasons) {
  std::string last;
  const bool came = eventually([&] {
    last = ready(ripcord, path);
    return std::any_of(reasons.begin(), reasons.end(),
                       [&](const std::string& reason) { return last == "Ready=False " + reason; });
  });
  EXPECT_TRUE(came) << path << " says " << last << ": " << ready_message(ripcord, path);
  return ready_message(ripcord, path);
}

std::string migration_yaml(const std::string& database, const std::vector<std::string>& scripts) {
  std::string text = fmt::format(
      "apiVersion: ripcord.dev/v1alpha1\nkind: MigrationVersion\nmetadata: {{name: shop}}\nspec:\n"
      "  database: {}\n  version: {}\n  source:\n    inline:\n",
      database, scripts.size());
  for (std::size_t i = 0; i < scripts.size(); ++i) {
    text += fmt::format("    - {{version: {0}, name: m{0}, up: \"{1}\"}}\n", i + 1, scripts[i]);
  }
  return text;
}

std::string restore_yaml(const std::string& name, const std::string& database,
                         const std::string& catalog, const std::string& backup) {
  return fmt::format(
      "apiVersion: ripcord.dev/v1alpha1\nkind: RestoreRequest\nmetadata: {{name: {}}}\nspec:\n"
      "  database: {}\n  catalog: {{directory: {}}}\n  backup: {}\n"
      "  approval: {{backup: {}, by: alice}}\n",
      name, database, catalog, backup, backup);
}

std::string postgres_yaml(const PostgresCluster& cluster, const std::string& database) {
  return fmt::format("{{engine: PostgreSQL, url: \"{}\"}}", cluster.url(database));
}

std::string sqlite_yaml(const std::string& path) {
  return fmt::format("{{engine: SQLite, path: {}}}", path);
}

void nap(const PostgresCluster& cluster, int seconds) {
  cluster.psql("postgres", fmt::format("alter role postgres set nap.seconds = '{}'", seconds));
}

int nappers(const PostgresCluster& cluster, const std::string& database) {
  return std::stoi(cluster.psql(
      "postgres", fmt::format("select count(*) from pg_stat_activity where wait_event = 'PgSleep' "
                              "and datname like '{}%'",
                              database)));
}

}  // namespace ripcord
