// SPDX-License-Identifier: Apache-2.0
#include "tests/support/postgres_cluster.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <unistd.h>

namespace ripcord {
namespace {

constexpr const char* kBin = "/usr/lib/postgresql/15/bin/";

}  // namespace

bool PostgresCluster::available() {
  return access((std::string(kBin) + "postgres").c_str(), X_OK) == 0;
}

PostgresCluster::PostgresCluster() : port_(free_port()) {
  const RunResult init =
      run({.argv = {std::string(kBin) + "initdb", "-D", directory_ / "data", "-U", "postgres",
                    "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"},
           .cwd = "/",
           .user = "postgres"});
  if (init.exit_code != 0) {
    throw std::runtime_error("initdb: " + init.err);
  }
  start();
}

PostgresCluster::~PostgresCluster() {
  stop();
}

std::string PostgresCluster::url(const std::string& database) const {
  return "postgresql://postgres@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

void PostgresCluster::start() {
  // No test takes the machine's power away, so no test waits for its disk; a benchmark does.
  const char* wanted = std::getenv("RIPCORD_POSTGRES_FSYNC");
  const bool durable = wanted != nullptr && std::string_view(wanted) == "on";
  const auto launch = [&] {
    server_ = std::make_unique<ChildProcess>(ProcessOptions{
        .argv = {"sh", "-c", "exec \"$@\" 2>>\"$SERVER_LOG\"", "sh", std::string(kBin) + "postgres",
                 "-D", directory_ / "data", "-p", std::to_string(port_), "-k", socket_dir(), "-c",
                 "listen_addresses=127.0.0.1", "-c", "max_connections=200", "-c",
                 std::string("fsync=") + (durable ? "on" : "off")},
        .env = {{"TZ", "UTC"}, {"SERVER_LOG", log_file()}},
        .cwd = "/",
        .user = "postgres"});
  };
  launch();
  // After kill9() the helpers of the old server hold its memory until they have noticed.
  const auto up = [&] {
    if (!server_->running() &&
        read_file(log_file()).find("pre-existing shared memory block") != std::string::npos) {
      launch();
    }
    return ready();
  };
  if (!eventually(up, std::chrono::minutes(2))) {
    throw std::runtime_error("postgres did not start: " + read_file(log_file()));
  }
}

void PostgresCluster::stop() {
  if (server_) {
    server_->signal(SIGINT);
    server_->wait();
    server_.reset();
  }
}

void PostgresCluster::kill9() {
  if (server_) {
    ::kill(-server_->pid(),
           SIGKILL);  // backends share the postmaster's process group unless they left it
    server_->signal(SIGKILL);
    server_->wait();
    server_.reset();
    // Backends of a killed postmaster notice within moments; the lock file names a dead pid then.
    eventually(
        [&] {
          return run({.argv = {"pgrep", "-f", directory_ / "data"}}).exit_code != 0;
        },
        std::chrono::seconds(10));
    unlink((directory_ / "data/postmaster.pid").c_str());
  }
}

bool PostgresCluster::ready() const {
  return run({.argv = {std::string(kBin) + "psql", "-X", "-q", "-d", url(), "-c", "select 1"}})
             .exit_code == 0;
}

std::string PostgresCluster::psql(const std::string& database, const std::string& sql) const {
  const RunResult result = run({.argv = {std::string(kBin) + "psql", "-X", "-q", "-A", "-t", "-v",
                                         "ON_ERROR_STOP=1", "-d", url(database), "-f", "-"}},
                               sql);
  if (result.exit_code != 0) {
    throw std::runtime_error("psql: " + result.err);
  }
  return result.out.empty() ? "" : result.out.substr(0, result.out.size() - 1);
}

PostgresCluster& shared_cluster() {
  static PostgresCluster cluster;
  return cluster;
}

std::string fresh_database(PostgresCluster& cluster, const std::string& hint) {
  static std::atomic<int> counter = 0;
  const std::string name = hint + "_" + std::to_string(getpid()) + "_" + std::to_string(++counter);
  cluster.psql("postgres", "create database \"" + name + "\"");
  return name;
}

}  // namespace ripcord
