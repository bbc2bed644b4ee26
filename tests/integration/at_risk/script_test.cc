// SPDX-License-Identifier: Apache-2.0
// What the script of an archive brings back on PostgreSQL where more is in its way than that the
// data is gone.
#include "tests/integration/at_risk/brought_back.h"
#include "tests/integration/migrations/harness.h"
#include "tests/support/postgres_cluster.h"

#include <optional>

#include <fmt/format.h>

namespace ripcord {
namespace {

using testing::HasSubstr;

class BringBackScript : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
    name_ = fresh_database(shared_cluster(), "script");
  }
  std::string sql(const std::string& text) { return shared_cluster().psql(name_, text); }
  void begin(const std::string& table, const std::string& up, const std::string& down,
             const std::string& user = "postgres") {
    std::string url = shared_cluster().url(name_);
    url.replace(url.find("postgres@"), 9, user + "@");
    harness_.emplace(postgres_ref(url), std::vector<Migration>{migration(1, table, "DROP TABLE t"),
                                                               migration(2, up, down)});
    harness_->spec().policy.archive = ArchivePolicy{archive_.path().string(), ArchiveFormat::kCsv};
    go(2);
  }
  void go(std::int64_t version) {
    harness_->go(version);
    ASSERT_EQ(harness_->verdict(), "Ready");
  }
  // What it says.
  std::string bring_back() {
    ProcessOptions options;
    options.argv = {
        "psql",          "-X", "-q", shared_cluster().url(name_), "-v", "ON_ERROR_STOP=1", "-f",
        "bring-back.sql"};
    options.cwd = only_folder(archive_.path().string()).string();
    ChildProcess child(std::move(options));
    EXPECT_EQ(child.wait(std::chrono::seconds(60)), 0) << child.err();
    return child.err();
  }

  std::string name_;
  TempDir archive_;
  std::optional<Harness> harness_;
};

TEST_F(BringBackScript, WritesOverWhatTheUpFillsInByItself) {
  begin(
      "CREATE TABLE t (id int PRIMARY KEY)",
      "ALTER TABLE t ADD made timestamptz NOT NULL DEFAULT now(), ADD token uuid NOT NULL DEFAULT "
      "gen_random_uuid(), ADD code text; UPDATE t SET code = 'none'; ALTER TABLE t ALTER code SET "
      "NOT NULL",
      "ALTER TABLE t DROP made, DROP token, DROP code");
  sql("INSERT INTO t SELECT i, '2020-01-01'::timestamptz + i * interval '1 hour', "
      "md5(i::text)::uuid, 'c' || i FROM generate_series(1, 3) i");
  const std::string before = sql("SELECT * FROM t ORDER BY id");
  go(1);
  go(2);
  ASSERT_NE(sql("SELECT * FROM t ORDER BY id"), before);
  EXPECT_EQ(bring_back(), "");
  EXPECT_EQ(sql("SELECT * FROM t ORDER BY id"), before);
}

TEST_F(BringBackScript, SaysHowManyRowsAreNotThereBecauseOthersAreInTheirPlace) {
  begin("CREATE TABLE t (id int PRIMARY KEY, email text UNIQUE)", "SELECT 1",
        "DELETE FROM t WHERE id > 1");
  sql("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')");
  go(1);
  sql("INSERT INTO t VALUES (9, 'b')");
  go(2);
  EXPECT_THAT(bring_back(), HasSubstr("1 rows of public.t are not as they were in the archive"));
  EXPECT_EQ(sql("SELECT string_agg(id::text, ' ' ORDER BY id) FROM t"), "1 3 9");
}

TEST_F(BringBackScript, SaysWhichValuesSomethingElseStandsInPlaceOf) {
  begin("CREATE TABLE t (id int PRIMARY KEY)", "ALTER TABLE t ADD phone text",
        "ALTER TABLE t DROP phone");
  sql("INSERT INTO t VALUES (1, '1'), (2, '2')");
  go(1);
  go(2);
  sql("UPDATE t SET phone = 'new' WHERE id = 2");
  EXPECT_THAT(bring_back(), HasSubstr("1 values of column phone of public.t are not as they were"));
  EXPECT_EQ(sql("SELECT string_agg(phone, ' ' ORDER BY id) FROM t"), "1 new");
}

TEST_F(BringBackScript, IsNotWrittenWhereAPolicyHidesRowsAndNothingIsDestroyed) {
  const std::string role = "hidden_" + name_;
  sql(
      fmt::format("CREATE ROLE {0} LOGIN; GRANT ALL ON DATABASE {1} TO {0}; GRANT ALL ON SCHEMA "
                  "public TO {0}",
                  role, name_));
  begin(
      "CREATE TABLE t (id int PRIMARY KEY, phone text); ALTER TABLE t ENABLE ROW LEVEL SECURITY; "
      "ALTER TABLE t FORCE ROW LEVEL SECURITY; CREATE POLICY own ON t USING (id = 1)",
      "SELECT 1", "ALTER TABLE t DROP phone", role);
  sql("INSERT INTO t VALUES (1, '1'), (2, '2')");
  harness_->go(1);
  EXPECT_THAT(harness_->verdict(), HasSubstr("row-level security"));
  EXPECT_EQ(sql("SELECT string_agg(phone, ' ' ORDER BY id) FROM t"), "1 2");
  ASSERT_FALSE(harness_->status().at_risk.empty());
  EXPECT_THAT(harness_->status().at_risk[0].note, HasSubstr("row-level security"));
}

}  // namespace
}  // namespace ripcord
