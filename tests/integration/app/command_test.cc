// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/app/running_ripcord.h"
#include "tests/support/paths/paths.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using testing::HasSubstr;

constexpr const char* kFlag = R"(apiVersion: ripcord.dev/v1alpha1
kind: FeatureFlag
metadata:
  name: new-checkout
spec:
  enabled: true
)";

std::string schema(const std::string& database, int version) {
  return "apiVersion: ripcord.dev/v1alpha1\nkind: MigrationVersion\nmetadata: {name: shop}\nspec:\n"
         "  database: {engine: SQLite, path: " +
         database + "}\n  source: {directory: migrations}\n  version: " + std::to_string(version) +
         "\n";
}

TEST(Manifests, BothBinariesRefuseADirectoryThatIsNotThereAndSayWhatToDo) {
  TempDir dir;
  write_file(dir / "file.yaml", kFlag);
  for (const char* const binary : {"ripcord", "ripcord-adapter"}) {
    const auto start = [&](const std::string& directory) {
      std::vector<std::string> argv = {bin_dir() + "/" + binary};
      if (binary == std::string("ripcord")) {
        argv.emplace_back("run");
      }
      argv.insert(argv.end(), {"--manifests", directory});
      return run({.argv = argv});
    };
    const RunResult missing = start(dir / "missing");
    EXPECT_EQ(missing.exit_code, 1) << binary;
    EXPECT_THAT(missing.err, HasSubstr("--manifests: there is no directory " + (dir / "missing") +
                                       "; create it"))
        << binary;
    const RunResult file = start(dir / "file.yaml");
    EXPECT_EQ(file.exit_code, 1) << binary;
    EXPECT_THAT(file.err, HasSubstr("file.yaml is no directory; name the directory that holds"))
        << binary;
  }
}

RunResult backup(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {bin_dir() + "/ripcord", "backup"});
  return run({.argv = std::move(arguments)});
}

TEST(Backup, EndsWithATableOfWhatItHolds) {
  TempDir dir;
  std::filesystem::create_directory(dir / "backups");
  const RunResult made = run({.argv = {"sqlite3", dir / "shop.db",
                                       "create table users (name); create table \"order\" (a); "
                                       "insert into users values ('ann'), ('bob')"}});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const RunResult taken =
      backup({"--database", dir / "shop.db", "--catalog", dir / "backups", "--name", "monday"});
  EXPECT_EQ(taken.exit_code, 0) << taken.err;
  EXPECT_THAT(taken.out, testing::StartsWith("TABLE"));
  EXPECT_THAT(taken.out, testing::ContainsRegex("users +2  [0-9]+\n"));
  EXPECT_THAT(taken.out, HasSubstr("backups/monday.db: 2 rows of 2 tables"));
  EXPECT_TRUE(std::filesystem::exists(dir / "backups/monday.db.manifest.json"));
  const RunResult again =
      backup({"--database", dir / "shop.db", "--catalog", dir / "backups", "--name", "monday"});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.err, HasSubstr("choose another --name"));
  EXPECT_EQ(backup({"--database", dir / "shop.db", "--catalog", dir / "backups"}).exit_code, 0);
}

TEST(Backup, SaysWhatIsWrongWithItsOptionsAndTouchesNothing) {
  TempDir dir;
  std::filesystem::create_directory(dir / "backups");
  const std::string catalog = dir / "backups";
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--catalog", catalog}, "Exactly 1 option"},
      {{"--database", "x.db", "--database-env", "A", "--catalog", catalog}, "Exactly 1 option"},
      {{"--database", "x.db"}, "--catalog"},
      {{"--database", "postgres://a:secret@h/x", "--catalog", catalog}, "holds a password"},
      {{"--database", "postgres://h/x?password=secret", "--catalog", catalog}, "holds a password"},
      {{"--database", "mysql://h/x", "--catalog", catalog}, "is no postgresql:// URL"},
      {{"--database", dir / "none.db", "--catalog", catalog}, "there is no such database file"},
      {{"--database-env", "NOT_SET_AT_ALL", "--catalog", catalog}, "NOT_SET_AT_ALL"},
      {{"--database", "postgres://h", "--catalog", catalog}, "must name the database"},
      {{"--database", "x.db", "--catalog", dir / "none"}, "there is no directory"},
      {{"--database", "x.db", "--catalog", catalog, "--name", "../x"}, "path separator"},
      {{"--database", "x.db", "--catalog", catalog, "--name", "Latest"}, "cannot be named"},
      {{"--database", "x.db", "--catalog", catalog, "--format", "tar"}, "--format"}};
  for (const auto& [arguments, why] : cases) {
    SCOPED_TRACE(why);
    const RunResult refused = backup(arguments);
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.err, HasSubstr(why));
    EXPECT_THAT(refused.err, testing::Not(HasSubstr("secret")));
    EXPECT_TRUE(std::filesystem::is_empty(catalog));
  }
}

TEST(Help, OfEveryCommandFitsAScreenAndExitsWithZero) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"--help"},
                                             {"run", "--help"},
                                             {"plan", "--help"},
                                             {"validate", "--help"},
                                             {"backup", "--help"},
                                             {"version", "--help"}}) {
    const RunResult help = ripcord_command(arguments);
    EXPECT_EQ(help.exit_code, 0) << arguments[0];
    EXPECT_LE(std::count(help.out.begin(), help.out.end(), '\n'), 24) << help.out;
    EXPECT_THAT(help.out, HasSubstr("Usage"));
  }
}

TEST(CommandLine, WithAMistakeExitsWithOneAndNamesIt) {
  const RunResult wrong = ripcord_command({"run", "--manifest", "x"});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("--manifest"));
  EXPECT_EQ(ripcord_command({}).exit_code, 1);
}

TEST(CommandLine, RefusesLeaseTimesThatLetTwoLead) {
  const auto refusal = [](std::vector<std::string> options) {
    options.insert(options.begin(), {"run", "--kubeconfig", "none"});
    return ripcord_command(options).err;
  };
  EXPECT_THAT(refusal({"--leader-elect-lease-duration=10s"}),
              HasSubstr("must be longer than --leader-elect-renew-deadline"));
  EXPECT_THAT(refusal({"--leader-elect-lease-duration=15500ms"}), HasSubstr("whole seconds"));
  EXPECT_THAT(refusal({"--leader-elect-renew-deadline=2400ms"}), HasSubstr("1.2 times"));
  EXPECT_THAT(refusal({"--leader-elect-retry-period=0s"}), HasSubstr("must be positive"));
  EXPECT_THAT(refusal({"--leader-elect-retry-period=often"}),
              HasSubstr("--leader-elect-retry-period"));
  EXPECT_THAT(refusal({}), HasSubstr("none"));
}

TEST(Version, IsThatOfTheProject) {
  EXPECT_THAT(ripcord_command({"version"}).out,
              testing::MatchesRegex("ripcord [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(Validate, AcceptsAGoodFileAndNamesWhatIsWrongInABadOne) {
  TempDir dir;
  write_file(dir / "good.yaml", kFlag);
  EXPECT_EQ(ripcord_command({"validate", dir / "good.yaml"}).exit_code, 0);
  write_file(dir / "bad.yaml", std::string(kFlag) + "  enabeld: false\n");
  const RunResult bad = ripcord_command({"validate", dir / "bad.yaml"});
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_THAT(bad.err, HasSubstr("bad.yaml:7:3: spec.enabeld:"));
  EXPECT_THAT(bad.err, HasSubstr("enabled"));
}

TEST(Validate, RefusesAnObjectThatTwoFilesDeclare) {
  TempDir dir;
  write_file(dir / "a.yaml", kFlag);
  write_file(dir / "b.yaml", kFlag);
  const RunResult both = ripcord_command({"validate", dir.path().string()});
  EXPECT_EQ(both.exit_code, 1);
  EXPECT_THAT(both.err, HasSubstr("b.yaml"));
  EXPECT_THAT(both.err, HasSubstr("a.yaml"));
}

TEST(Validate, SaysThatAPathIsNotThere) {
  const RunResult missing = ripcord_command({"validate", "/nowhere/x.yaml"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, HasSubstr("/nowhere/x.yaml: cannot be opened"));
}

TEST(Validate, EndsOnTheFirstSignalEvenWhileItWaitsForAPipe) {
  TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "pipe.yaml").c_str(), 0600), 0);
  ChildProcess waiting({.argv = {bin_dir() + "/ripcord", "validate", dir / "pipe.yaml"}});
  const int writer = ::open((dir / "pipe.yaml").c_str(), O_WRONLY);  // until it has opened its end
  waiting.signal(SIGTERM);
  EXPECT_EQ(waiting.wait(std::chrono::seconds(10)), 128 + SIGTERM);
  ::close(writer);
}

TEST(Plan, IsAnErrorWhenNoStepCouldEverRun) {
  TempDir dir;
  write_file(dir / "schema.yaml", schema("shop.db", 1));
  const RunResult unknown = ripcord_command({"plan", dir / "schema.yaml"});
  EXPECT_EQ(unknown.exit_code, 1) << unknown.out;
  EXPECT_THAT(unknown.out, HasSubstr("held: "));
}

TEST(Plan, SaysWhoIsAskedWhichFlagsAreServed) {
  TempDir dir;
  write_file(dir / "flag.yaml", kFlag);
  const RunResult nobody =
      ripcord_command({"plan", "--ofrep-server", "http://127.0.0.1:" + std::to_string(free_port()),
                       dir / "flag.yaml"});
  EXPECT_EQ(nobody.exit_code, 1);
  EXPECT_THAT(nobody.err, HasSubstr("name its address with --ofrep-server"));
}

TEST(Plan, LeavesASuspendedObjectAlone) {
  TempDir dir;
  write_file(dir / "schema.yaml", schema("/nowhere/shop.db", 1) + "  suspend: true\n");
  const RunResult suspended = ripcord_command({"plan", dir / "schema.yaml"});
  EXPECT_EQ(suspended.exit_code, 0) << suspended.err;
  EXPECT_THAT(suspended.out, HasSubstr("nothing to do (suspended)"));
}

TEST(Plan, TellsWhatWouldRunAndTouchesNothing) {
  TempDir dir;
  std::filesystem::create_directory(dir / "migrations");
  write_file(dir / "migrations/1_users.up.sql", "create table users(id integer primary key);");
  write_file(dir / "migrations/1_users.down.sql", "drop table users;");
  write_file(dir / "schema.yaml", schema("shop.db", 1));
  write_file(dir / "shop.db", "");
  const RunResult changes = ripcord_command({"plan", dir / "schema.yaml"});
  EXPECT_EQ(changes.exit_code, 2) << changes.out << changes.err;
  EXPECT_THAT(changes.out, HasSubstr("up 1 users"));
  EXPECT_THAT(changes.out, HasSubstr("-> only adds"));
  EXPECT_EQ(read_file(dir / "shop.db"), "") << "a plan changes nothing";
}

TEST(Plan, SaysWhatAWayDownWouldDestroy) {
  TempDir dir;
  std::filesystem::create_directory(dir / "migrations");
  write_file(dir / "migrations/1_users.up.sql", "create table users(id integer primary key);");
  write_file(dir / "migrations/1_users.down.sql", "drop table users;");
  write_file(dir / "schema.yaml", schema("shop.db", 0));
  ASSERT_EQ(run({.argv = {"sqlite3", dir / "shop.db",
                          "create table users(id integer primary key); insert into users values "
                          "(1), (2); create table schema_migrations(version uint64, dirty bool); "
                          "create unique index version_unique on schema_migrations(version); "
                          "insert into schema_migrations values(1, false)"}})
                .exit_code,
            0);
  const RunResult down = ripcord_command({"plan", dir / "schema.yaml"});
  EXPECT_EQ(down.exit_code, 2) << down.out << down.err;
  EXPECT_THAT(down.out, HasSubstr("  at risk: table users: 2 rows\n"));
  EXPECT_THAT(down.out, HasSubstr("held: "));
}

TEST(Plan, ExitsWithZeroWhenThereIsNothingToDoAndWithOneOnAnError) {
  TempDir dir;
  std::filesystem::create_directory(dir / "migrations");
  write_file(dir / "migrations/1_users.up.sql", "create table users(id integer primary key);");
  write_file(dir / "schema.yaml", schema("shop.db", 1));
  ASSERT_EQ(run({.argv = {"sqlite3", dir / "shop.db",
                          "create table users(id integer primary key); create table "
                          "schema_migrations(version uint64, "
                          "dirty bool); create unique index version_unique on "
                          "schema_migrations(version); insert into "
                          "schema_migrations values(1, false)"}})
                .exit_code,
            0);
  const RunResult nothing = ripcord_command({"plan", dir / "schema.yaml"});
  EXPECT_EQ(nothing.exit_code, 0) << nothing.out << nothing.err;
  write_file(dir / "broken.yaml", schema("/nowhere/shop.db", 1));
  const RunResult broken = ripcord_command({"plan", dir / "broken.yaml"});
  EXPECT_EQ(broken.exit_code, 1) << broken.out << broken.err;
  EXPECT_THAT(broken.err, HasSubstr("/nowhere: there is no such folder"));
}

// Every example in the documentation is a manifest that Ripcord accepts.
TEST(Documentation, HasOnlyExamplesThatAreValid) {
  TempDir dir;
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() + "/docs")) {
    if (entry.path().extension() != ".md") {
      continue;
    }
    const std::string text = read_file(entry.path().string());
    const std::string open = "```yaml\napiVersion: ripcord.dev/v1alpha1\nkind: ";
    for (std::size_t at = text.find(open); at != std::string::npos; at = text.find(open, at + 1)) {
      const std::size_t begin = at + std::string("```yaml\n").size();
      const std::string file =
          dir / (entry.path().stem().string() + "-" + std::to_string(++count) + ".yaml");
      write_file(file, text.substr(begin, text.find("\n```", begin) + 1 - begin));
      const RunResult valid = ripcord_command({"validate", file});
      EXPECT_EQ(valid.exit_code, 0) << read_file(file) << valid.err;
    }
  }
  EXPECT_GE(count, 4) << "a page a kind, with an example each";
}

}  // namespace
}  // namespace ripcord
