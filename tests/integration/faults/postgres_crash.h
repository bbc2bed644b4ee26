// SPDX-License-Identifier: Apache-2.0
#pragma once
// A private PostgreSQL with a database `shop` and a controller's data directory, both put back
// before each run of a crash test.

#include "tests/integration/faults/controller_life.h"
#include "tests/integration/migrations/harness.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/process.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {

class PostgresCrash : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server is installed";
    }
    // No test here cuts the power, and DROP DATABASE waits for a checkpoint.
    pg().psql("postgres", "alter system set fsync = off");
    pg().psql("postgres", "select pg_reload_conf()");
    drop_all();
  }
  static PostgresCluster& pg() { return shared_cluster(); }
  // Then `more`, in the same session: a psql costs more than what it does here.
  static void drop_all(const std::string& more = {}) {
    pg().psql("postgres",
              "select format('drop database %I with (force)', datname) from pg_database where "
              "datname like 'shop%' \\gexec\n" +
                  more);
  }
  // `shop` as it is in the template `kept`, and the data directory of that time.
  void keep() {
    pg().psql("postgres", "drop database if exists kept with (force)");
    pg().psql("postgres", "create database kept template shop");
    std::filesystem::remove_all(directory_ / "kept");
    std::filesystem::create_directories(data());
    std::filesystem::copy(data(), directory_ / "kept", std::filesystem::copy_options::recursive);
  }
  void put_back() {
    drop_all("create database shop template kept strategy file_copy");
    std::filesystem::remove_all(data());
    std::filesystem::copy(directory_ / "kept", data(), std::filesystem::copy_options::recursive);
  }
  std::string data() const { return directory_ / "data"; }

  TempDir directory_;
};

}  // namespace ripcord
