// SPDX-License-Identifier: Apache-2.0
#include "bench/migrations/ripcord_process.h"

#include "adapters/http/client.h"
#include "bench/support/figures.h"
#include "tests/support/paths/paths.h"
#include "tests/support/process.h"

#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr auto kAskEvery = std::chrono::milliseconds(10);
constexpr auto kPatience = std::chrono::minutes(10);

std::string manifest(const DatabaseRef& database, const std::string& directory,
                     std::int64_t version) {
  const std::string where = database.engine == Engine::kSqlite
                                ? "{engine: SQLite, path: " + database.path + "}"
                                : "{engine: PostgreSQL, url: \"" + database.url + "\"}";
  return fmt::format(
      "apiVersion: ripcord.dev/v1alpha1\nkind: MigrationVersion\nmetadata: {{name: bench}}\nspec:\n"
      "  database: {}\n  source: {{directory: {}}}\n  version: {}\n"
      "  policy: {{down: Allow, dataLoss: Approve}}\n"
      "  approval: {{version: 0, by: bench, dataLoss: true}}\n",
      where, directory, version);
}

std::string local(std::uint16_t port) {
  return fmt::format("127.0.0.1:{}", port);
}

}  // namespace

double ripcord_process(const DatabaseRef& database, const std::string& directory,
                       std::int64_t version) {
  const TempDir home;
  const std::string manifests = home / "manifests";
  std::filesystem::create_directory(manifests);
  write_file(manifests + "/bench.yaml", manifest(database, directory, version));
  const std::string api = local(free_port());
  const ProcessOptions options{.argv = {bin_dir() + "/ripcord", "run", "--manifests", manifests,
                                        "--metrics-bind-address", "0",
                                        "--health-probe-bind-address", "0", "--api-bind-address",
                                        api, "--ofrep-bind-address", local(free_port())}};
  const auto client = http::make_http_client();
  const HttpRequest ask{
      .url = fmt::format("http://{}/apis/ripcord.dev/v1alpha1/namespaces/default/migrationversions/"
                         "bench",
                         api)};
  std::unique_ptr<ChildProcess> process;
  std::string said;
  const auto settled = [&](const char* word) { return said.find(word) != std::string::npos; };
  const double took = seconds_of([&] {
    process = std::make_unique<ChildProcess>(options);
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!settled("\"reason\":\"Migrated\"") && !settled("\"type\":\"Stalled\"") &&
           process->running() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(kAskEvery);
      said = client->send(ask).value_or(HttpResponse{}).body;
    }
  });
  if (!settled("\"reason\":\"Migrated\"")) {
    throw std::runtime_error("ripcord: " + said + process->err());
  }
  process->signal(SIGTERM);
  process->wait();
  return took;
}

}  // namespace ripcord
