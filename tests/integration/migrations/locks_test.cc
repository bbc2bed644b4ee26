// SPDX-License-Identifier: Apache-2.0
// docs/migrationversion.md, "Locks": what it tells to look at shows, while a migration runs, what
// it says.
#include "tests/integration/migrations/harness.h"
#include "tests/support/docs_page.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/status_matchers.h"

#include <algorithm>
#include <sstream>

namespace ripcord {
namespace {

using ::testing::HasSubstr;

TEST(LocksPage, NamesTheAdvisoryLocksAsTheyAreSeenWhileAMigrationRuns) {
  if (!PostgresCluster::available()) {
    GTEST_SKIP() << "no PostgreSQL server installed";
  }
  const std::string section = docs_section("migrationversion.md", "### Locks");
  const auto queries = code_blocks(section, "sql");
  ASSERT_EQ(queries.size(), 1U);
  const std::string name = fresh_database(shared_cluster(), "locks");
  std::string seen;
  Harness harness(postgres_ref(shared_cluster().url(name)),
                  {migration(1, "CREATE TABLE t (a int)", "DROP TABLE t")}, [&](std::string_view) {
                    if (seen.empty()) {
                      seen = shared_cluster().psql(name, queries[0]);
                    }
                  });
  harness.go(1);
  ASSERT_EQ(harness.verdict(), "Ready");
  int of_others = 0;
  std::istringstream lines(seen);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string pid;
    std::string application;
    std::string classid;
    std::string objid;
    std::string granted;
    for (std::string* field : {&pid, &application, &classid, &objid, &granted}) {
      std::getline(fields, *field, '|');
    }
    EXPECT_EQ(application, "ripcord migrations");
    EXPECT_EQ(granted, "t");
    const bool named = section.find("`" + classid + ", " + objid + "`") != std::string::npos;
    of_others += named ? 0 : 1;
    if (!named) {
      EXPECT_TRUE(classid == "0" || (classid >= "18027" && classid <= "18029")) << line;
    }
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), '\n') + 1, 6) << seen;
  EXPECT_EQ(of_others, 3) << "two of golang-migrate, one of Flyway:\n" << seen;
  EXPECT_THAT(seen, HasSubstr("7498096|1668248164"));
}

}  // namespace
}  // namespace ripcord
