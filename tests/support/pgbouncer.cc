// SPDX-License-Identifier: Apache-2.0
#include "tests/support/pgbouncer.h"

#include <csignal>
#include <stdexcept>
#include <unistd.h>

namespace ripcord {
namespace {

constexpr const char* kProgram = "/usr/sbin/pgbouncer";
constexpr const char* kPsql = "/usr/lib/postgresql/15/bin/psql";

RunResult ask(const std::string& admin_url, const std::string& command) {
  return run({.argv = {kPsql, "-X", "-A", "-t", "-d", admin_url, "-c", command}});
}

}  // namespace

bool PgBouncer::available() {
  return access(kProgram, X_OK) == 0;
}

PgBouncer::PgBouncer(const PostgresCluster& cluster, const std::string& database, int pool_size)
    : port_(free_port()) {
  write_file(directory_ / "users", "\"postgres\" \"\"\n");
  write_file(directory_ / "pgbouncer.ini",
             "[databases]\napp = host=127.0.0.1 port=" + std::to_string(cluster.port()) +
                 " dbname=" + database +
                 "\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = " + std::to_string(port_) +
                 "\nunix_socket_dir =\nauth_type = trust\nauth_file = " + (directory_ / "users") +
                 "\nadmin_users = postgres\npool_mode = transaction\nmax_client_conn = 500\n"
                 "default_pool_size = " +
                 std::to_string(pool_size) + "\n");
  process_ = std::make_unique<ChildProcess>(ProcessOptions{
      .argv = {kProgram, "-q", directory_ / "pgbouncer.ini"}, .cwd = "/", .user = "postgres"});
  if (!eventually([&] { return ask(admin_url(), "SHOW VERSION").exit_code == 0; })) {
    throw std::runtime_error("pgbouncer did not start: " + process_->err());
  }
}

PgBouncer::~PgBouncer() {
  process_->signal(SIGTERM);
  process_->wait();
}

std::string PgBouncer::url(const std::string& pool) const {
  return "postgresql://postgres@127.0.0.1:" + std::to_string(port_) + "/" + pool;
}

bool PgBouncer::paused() const {
  const RunResult listed = ask(admin_url(), "SHOW DATABASES");
  const auto line = listed.out.find("app|");
  if (listed.exit_code != 0 || line == std::string::npos) {
    throw std::runtime_error("SHOW DATABASES: " + listed.out + listed.err);
  }
  // ... max_connections | current_connections | paused | disabled
  const std::string row = listed.out.substr(line, listed.out.find('\n', line) - line);
  return row.size() > 4 && row.substr(row.size() - 4) == "|1|0";
}

}  // namespace ripcord
