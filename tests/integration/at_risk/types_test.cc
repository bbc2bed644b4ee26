// SPDX-License-Identifier: Apache-2.0
// Columns of PostgreSQL whose type a way down makes narrower: what they held comes back by the
// script, once they are wide again.
#include "tests/integration/at_risk/brought_back.h"
#include "tests/integration/migrations/harness.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/process.h"

#include <filesystem>
#include <optional>
#include <tuple>

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace ripcord {
namespace {

using testing::AllOf;
using testing::HasSubstr;

struct Narrowing {
  std::string_view name;
  std::string_view wide;
  std::string_view narrow;
  std::string_view by;      // USING
  std::string_view values;  // of which the narrow type cannot hold all
};

void PrintTo(const Narrowing& tested, std::ostream* out) {
  *out << tested.name;
}

class NarrowerType : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
    name_ = fresh_database(shared_cluster(), "types");
  }
  std::string sql(const std::string& text) { return shared_cluster().psql(name_, text); }
  std::string content() { return sql("SELECT id, v IS NULL, v, n FROM t ORDER BY id"); }
  void begin(const std::string& table, const std::string& up, const std::string& down,
             ArchiveFormat format = ArchiveFormat::kCsv) {
    harness_.emplace(
        postgres_ref(shared_cluster().url(name_)),
        std::vector<Migration>{migration(1, table, "DROP TABLE t"), migration(2, up, down)});
    harness_->spec().policy.archive = ArchivePolicy{archive_.path().string(), format};
    go(2);
  }
  void go(std::int64_t version) {
    harness_->go(version);
    ASSERT_EQ(harness_->verdict(), "Ready");
  }
  std::vector<std::string> psql_script() {
    return {"psql",          "-X", "-q", shared_cluster().url(name_), "-v", "ON_ERROR_STOP=1", "-f",
            "bring-back.sql"};
  }
  std::filesystem::path folder() { return only_folder(archive_.path().string()); }
  std::string refusal() {
    ProcessOptions options;
    options.argv = psql_script();
    options.cwd = folder().string();
    ChildProcess child(std::move(options));
    EXPECT_NE(child.wait(std::chrono::seconds(60)), 0);
    return child.err();
  }

  std::string name_;
  TempDir archive_;
  std::optional<Harness> harness_;
};

constexpr const char* kTable =
    "CREATE TABLE t (id int PRIMARY KEY, v varchar(3) DEFAULT 'abc', n int)";
constexpr const char* kWiden =
    "ALTER TABLE t ALTER v TYPE text, ALTER v SET DEFAULT 'something long'";
constexpr const char* kNarrow =
    "ALTER TABLE t ALTER v DROP DEFAULT, ALTER v TYPE varchar(3) USING left(v, 3), ALTER v SET "
    "DEFAULT 'abc'";

class EachNarrowerType : public NarrowerType,
                         public testing::WithParamInterface<std::tuple<Narrowing, ArchiveFormat>> {
};

TEST_P(EachNarrowerType, IsBroughtBackByTheScriptOnceItIsWideAgain) {
  const auto& [tested, format] = GetParam();
  begin(fmt::format("CREATE TABLE t (id int PRIMARY KEY, v {}, n int DEFAULT 0)", tested.narrow),
        fmt::format("ALTER TABLE t ALTER v TYPE {}", tested.wide),
        fmt::format("ALTER TABLE t ALTER v TYPE {} USING {}", tested.narrow, tested.by), format);
  sql(fmt::format("INSERT INTO t (id, v) SELECT row_number() OVER (), x FROM (VALUES {}) s (x)",
                  tested.values));
  const std::string before = content();
  go(1);
  ASSERT_NE(content(), before);
  go(2);
  ASSERT_NE(content(), before);
  run(psql_script(), folder());
  EXPECT_EQ(content(), before);
}

const Narrowing kNarrowings[] = {
    {"Text", "text", "varchar(3)", "left(v, 3)", "('long enough'), (''), (NULL), ('it''s,\n\"')"},
    {"Varchar", "varchar(20)", "varchar(3)", "coalesce(left(v, 3), 'nil')",
     "('long enough'), (NULL)"},
    {"Bigint", "bigint", "int", "(v % 1000)::int", "(5000000001), (7)"},
    {"Numeric", "numeric(12, 4)", "numeric(12, 1)", "round(v, 1)", "(1.2345), (2.5)"},
    {"Timestamp", "timestamptz", "date", "v::date",
     "('2026-01-15 12:34:56.789+00'::timestamptz), (NULL)"},
    {"Boolean", "text", "boolean", "v = 'yes'", "('yes'), ('maybe'), (NULL)"},
};

INSTANTIATE_TEST_SUITE_P(Types, EachNarrowerType,
                         testing::Combine(testing::ValuesIn(kNarrowings),
                                          testing::Values(ArchiveFormat::kCsv,
                                                          ArchiveFormat::kCopyBinary)),
                         [](const auto& tested) {
                           const bool csv = std::get<1>(tested.param) == ArchiveFormat::kCsv;
                           return std::string(std::get<0>(tested.param).name) +
                                  (csv ? "Csv" : "CopyBinary");
                         });

TEST_F(NarrowerType, BringsBackDefaultsTooAndLeavesOtherColumnsAndRowsAlone) {
  begin(kTable, kWiden, kNarrow);
  sql("INSERT INTO t VALUES (1, DEFAULT, 1), (2, 'long enough', 2), (3, 'third one', 3)");
  go(1);
  go(2);
  sql("UPDATE t SET n = 9; DELETE FROM t WHERE id = 3; INSERT INTO t VALUES (4, 'new', 4)");
  run(psql_script(), folder());
  EXPECT_EQ(sql("SELECT * FROM t ORDER BY id"), "1|something long|9\n2|long enough|9\n4|new|4");
}

TEST_F(NarrowerType, TheScriptSaysWhatToRunFirstWhereTheColumnIsStillNarrow) {
  begin(kTable, kWiden, kNarrow);
  sql("INSERT INTO t VALUES (1, 'long enough', 1)");
  go(1);
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr("column \"v\" of public.t is of another type than what was copied"),
                    HasSubstr("apply version 2 again"),
                    HasSubstr("run ALTER TABLE public.t ALTER COLUMN \"v\" TYPE text")));
  EXPECT_EQ(sql("SELECT v FROM t"), "lon");
  sql("ALTER TABLE public.t ALTER COLUMN v TYPE text");
  run(psql_script(), folder());
  EXPECT_EQ(sql("SELECT v FROM t"), "long enough");
}

TEST_F(NarrowerType, MayBeOneOfUsers) {
  begin(
      "CREATE SCHEMA app; CREATE DOMAIN app.\"a label\" AS text; CREATE TABLE t (id int PRIMARY "
      "KEY, v varchar(3), n int)",
      "ALTER TABLE t ALTER v TYPE app.\"a label\"",
      "ALTER TABLE t ALTER v TYPE varchar(3) USING left(v, 3)");
  sql("INSERT INTO t VALUES (1, 'long enough')");
  go(1);
  go(2);
  run(psql_script(), folder());
  EXPECT_EQ(sql("SELECT v FROM t"), "long enough");
}

TEST_F(NarrowerType, OfATableWithoutAKeyIsLeftToAPerson) {
  begin("CREATE TABLE t (id int, v varchar(3), n int)", "ALTER TABLE t ALTER v TYPE text",
        "ALTER TABLE t ALTER v TYPE varchar(3) USING left(v, 3)");
  sql("INSERT INTO t VALUES (1, 'long enough', 1), (2, NULL, 2)");
  go(1);
  run(psql_script(), folder());
  EXPECT_EQ(read_file((folder() / "01-column-t.v.csv").string()),
            "id,v,n\n1,long enough,1\n2,,2\n");
  EXPECT_THAT(read_file((folder() / "bring-back.sql").string()), HasSubstr("no primary key"));
}

}  // namespace
}  // namespace ripcord
