// SPDX-License-Identifier: Apache-2.0
// Conversations with the real binary: the four lines of the issue, and every file in cases/.
#include "tests/scenario/adapter/script.h"
#include "tests/support/paths/paths.h"
#include "tests/support/process.h"

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

namespace ripcord {
namespace {

const std::string kAdapter = bin_dir() + "/ripcord-adapter";

ProcessOptions adapter_options() {
  ProcessOptions options;
  options.argv = {kAdapter};
  options.cwd = "/";
  options.pipe_stdin = true;
  return options;
}

TEST(Adapter, AnswersTheFourMessagesByteForByteBeforeTheNextIsSent) {
  const std::pair<std::string, std::string> turns[] = {
      {R"({"src": "admin", "dest": "migrations", "body": {"type": "rollback", "msg_id": 1, "version": 3}})",
       R"({"type": "rollback_complete", "in_reply_to": 1, "rolled_back_from": 3, "rolled_back_to": 2, "duration_seconds": 5})"},
      {R"({"src": "admin", "dest": "features", "body": {"type": "disable_feature", "msg_id": 1, "feature": "new_checkout"}})",
       R"({"type": "feature_disabled", "in_reply_to": 1, "feature": "new_checkout", "rolled_back_instant": true})"},
      {R"({"src": "admin", "dest": "traffic", "body": {"type": "switch_traffic", "msg_id": 3, "from": "green", "to": "blue"}})",
       R"({"type": "traffic_switched", "in_reply_to": 3, "current_environment": "blue", "downtime_seconds": 0})"},
      {R"({"src": "admin", "dest": "backups", "body": {"type": "restore", "msg_id": 4, "backup": "users_backup_20240115"}})",
       R"({"type": "restore_complete", "in_reply_to": 4, "restored_rows": 100000, "duration_seconds": 60})"}};
  ChildProcess adapter(adapter_options());
  for (const auto& [message, reply] : turns) {
    adapter.write_stdin(message + "\n");
    ASSERT_EQ(adapter.read_line(), reply) << adapter.err();
  }
  adapter.close_stdin();
  EXPECT_EQ(adapter.wait(), 0);
  EXPECT_EQ(adapter.out(), "");
  EXPECT_EQ(adapter.err(), "");
}

TEST(Adapter, AnswersInOrderWhenAllMessagesComeAtOnce) {
  std::string input;
  std::string output;
  for (int version = 20; version > 0; --version) {
    const std::string v = std::to_string(version);
    input += R"({"type": "rollback", "msg_id": )" + v + R"(, "version": )" + v + "}\n";
    output += R"({"type": "rollback_complete", "in_reply_to": )" + v + R"(, "rolled_back_from": )" +
              v + R"(, "rolled_back_to": )" + std::to_string(version - 1) +
              R"(, "duration_seconds": 5})" + "\n";
    input += R"({"type": "restore", "msg_id": )" + v + R"(, "backup": "a_backup_b"})" + "\n";
    output += R"({"type": "restore_complete", "in_reply_to": )" + v +
              R"(, "restored_rows": 100000, "duration_seconds": 60})" + "\n";
  }
  const RunResult result = run(adapter_options(), input);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, output);
}

TEST(Adapter, EndsOnSigtermWithinItsBound) {
  ChildProcess adapter(adapter_options());
  adapter.write_stdin("{\"type\": \"init\", \"msg_id\": 1, \"node_id\": \"n\"}\n");
  ASSERT_TRUE(adapter.read_line());
  adapter.signal(SIGTERM);
  EXPECT_EQ(adapter.wait(), 0);
}

TEST(Adapter, SaysWhyItStopsWhenNobodyReads) {
  ProcessOptions options = adapter_options();
  options.argv = {"bash", "-c",
                  "(sleep 0.2; echo '{\"type\": \"nope\", \"msg_id\": 1}'; sleep 10) | (" +
                      kAdapter + "; echo code $? >&2) | true"};
  options.pipe_stdin = false;
  ChildProcess shell(options);
  EXPECT_TRUE(eventually([&] { return shell.err().find("code 1") != std::string::npos; }));
  EXPECT_NE(shell.err().find("cannot write a reply: Broken pipe"), std::string::npos)
      << shell.err();
}

TEST(Adapter, HelpFitsAScreen) {
  ProcessOptions options = adapter_options();
  options.argv.push_back("--help");
  const RunResult result = run(options);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_LE(std::count(result.out.begin(), result.out.end(), '\n'), 24);
  EXPECT_NE(result.out.find("--manifests"), std::string::npos);
}

TEST(Adapter, RefusesAnOptionThatItDoesNotKnow) {
  ProcessOptions options = adapter_options();
  options.argv.push_back("--simulate");
  const RunResult result = run(options);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("--simulate"), std::string::npos);
}

std::vector<std::string> case_files() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(RIPCORD_CASES_DIR)) {
    out.push_back(entry.path().stem().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

void play(const std::string& file) {
  using Kind = ScriptStep::Kind;
  ChildProcess adapter(adapter_options());
  std::vector<ScriptStep> diagnostics;
  std::string exit_code = "0";
  for (const ScriptStep& step : read_script(file)) {
    SCOPED_TRACE(file + ":" + std::to_string(step.line));
    switch (step.kind) {
      case Kind::kSend:
        adapter.write_stdin(step.text);
        break;
      case Kind::kExpect:
        ASSERT_EQ(adapter.read_line().value_or("(nothing)"), step.text) << adapter.err();
        break;
      case Kind::kEof:
        adapter.close_stdin();
        break;
      case Kind::kDiagnostic:
        diagnostics.push_back(step);
        break;
      case Kind::kExit:
        exit_code = step.text;
        break;
    }
  }
  adapter.close_stdin();
  EXPECT_EQ(std::to_string(adapter.wait().value_or(-1)), exit_code) << adapter.err();
  EXPECT_EQ(adapter.out(), "");
  const std::string said = adapter.err();
  std::size_t at = 0;
  for (const ScriptStep& step : diagnostics) {
    const std::size_t found = said.find(step.text, at);
    EXPECT_NE(found, std::string::npos) << file << ":" << step.line << ": not in\n" << said;
    at = found == std::string::npos ? at : said.find('\n', found);
  }
  if (diagnostics.empty()) {
    EXPECT_EQ(said, "");
  }
}

class AdapterCase : public testing::TestWithParam<std::string> {};

TEST_P(AdapterCase, GoesAsWritten) {
  play(std::string(RIPCORD_CASES_DIR) + "/" + GetParam() + ".txt");
}

TEST(Adapter, TheConversationInTheDocumentationIsTrue) {
  const std::string page = read_file(source_dir() + "/docs/adapter.md");
  std::size_t at = page.find("```", page.find("## A conversation"));
  ASSERT_NE(at, std::string::npos);
  at = page.find('\n', at) + 1;
  const TempDir dir;
  write_file(dir / "conversation.txt", page.substr(at, page.find("```", at) - at));
  play(dir / "conversation.txt");
}

// A flag, and a SQLite database whose newest migration cannot be undone without losing data.
void write_manifests(const TempDir& dir) {
  write_file(dir / "shop.yaml",
             "apiVersion: ripcord.dev/v1alpha1\nkind: FeatureFlag\nmetadata: {name: checkout}\n"
             "spec: {key: new_checkout, enabled: true, variants: {\"on\": true, \"off\": false},\n"
             "  defaultVariant: \"on\", offVariant: \"off\"}\n---\n"
             "apiVersion: ripcord.dev/v1alpha1\nkind: MigrationVersion\nmetadata: {name: shop}\n"
             "spec:\n  database: {engine: SQLite, path: " +
                 (dir / "shop.db") +
                 "}\n  version: 1\n  source: {inline: [{version: 1, name: users,\n"
                 "    up: \"create table users(name text);\", down: \"drop table users;\"}]}\n");
  const RunResult made =
      run({.argv = {"sqlite3", dir / "shop.db", "pragma user_version = 0;vacuum"}});
  ASSERT_EQ(made.exit_code, 0) << made.err;
}

void talk_to_real_drivers(const std::vector<std::string>& options) {
  ProcessOptions how = adapter_options();
  how.argv.insert(how.argv.end(), options.begin(), options.end());
  ChildProcess adapter(how);
  adapter.write_stdin(
      "{\"type\": \"disable_feature\", \"msg_id\": 1, \"feature\": \"new_checkout\"}\n");
  EXPECT_EQ(adapter.read_line(),
            R"({"type": "feature_disabled", "in_reply_to": 1, "feature": "new_checkout", )"
            R"("rolled_back_instant": true})")
      << adapter.err();
  // Refused twice with the same reason: the first refusal was taken back.
  for (const std::string id : {"2", "3"}) {
    adapter.write_stdin("{\"type\": \"rollback\", \"msg_id\": " + id + ", \"version\": 1}\n");
    const std::string reply = adapter.read_line().value_or("(nothing)");
    EXPECT_NE(
        reply.find("\"in_reply_to\": " + id + ", \"code\": 22, \"text\": \"data would be lost"),
        std::string::npos)
        << reply << adapter.err();
  }
  adapter.close_stdin();
  EXPECT_EQ(adapter.wait(), 0);
}

TEST(Adapter, DrivesTheRealSystemsOfADirectoryOfManifests) {
  const TempDir dir;
  write_manifests(dir);
  talk_to_real_drivers({"--manifests", dir.path().string()});
}

TEST(Adapter, SeesThatAPersonChangedTheDatabaseByHandBeforeARollback) {
  const TempDir dir;
  write_file(dir / "shop.yaml",
             "apiVersion: ripcord.dev/v1alpha1\nkind: MigrationVersion\nmetadata: {name: shop}\n"
             "spec:\n  database: {engine: SQLite, path: " +
                 (dir / "shop.db") +
                 "}\n  version: 2\n  source: {inline: [{version: 1, name: users,\n"
                 "    up: \"create table users(name text);\", down: \"drop table users;\"},\n"
                 "    {version: 2, name: by_name, up: \"create index by_name on users(name);\",\n"
                 "    down: \"drop index by_name;\"}]}\n");
  ASSERT_EQ(run({.argv = {"sqlite3", dir / "shop.db", "vacuum"}}).exit_code, 0);
  ProcessOptions how = adapter_options();
  how.argv.insert(how.argv.end(), {"--manifests", dir.path().string()});
  ChildProcess adapter(how);
  adapter.write_stdin("{\"type\": \"rollback\", \"msg_id\": 1, \"version\": 9}\n");
  const std::string first = adapter.read_line().value_or("(nothing)");
  ASSERT_NE(first.find("the database is at version 2"), std::string::npos)
      << first << adapter.err();
  const RunResult by_hand = run(
      {.argv = {"sqlite3", dir / "shop.db",
                "begin immediate; drop index by_name; update schema_migrations set version = 1; "
                "delete from ripcord_applied where version = 2; commit"}});
  ASSERT_EQ(by_hand.exit_code, 0) << by_hand.err;
  adapter.write_stdin("{\"type\": \"rollback\", \"msg_id\": 2, \"version\": 2}\n");
  const std::string second = adapter.read_line().value_or("(nothing)");
  EXPECT_NE(
      second.find("\"code\": 22, \"text\": \"cannot roll back from version 2: the database is "
                  "at version 1\""),
      std::string::npos)
      << second << adapter.err();
  adapter.close_stdin();
  EXPECT_EQ(adapter.wait(), 0);
}

TEST(Adapter, ChangesDesiredStateInARunningRipcord) {
  const TempDir dir;
  write_manifests(dir);
  const std::string api = "127.0.0.1:" + std::to_string(free_port());
  ChildProcess ripcord({.argv = {bin_dir() + "/ripcord", "run", "--manifests", dir.path().string(),
                                 "--metrics-bind-address", "0", "--health-probe-bind-address", "0",
                                 "--api-bind-address", api, "--ofrep-bind-address",
                                 "127.0.0.1:" + std::to_string(free_port())}});
  ASSERT_TRUE(eventually([&] {
    return run({.argv = {"curl", "-sf",
                         "http://" + api +
                             "/apis/ripcord.dev/v1alpha1/namespaces/default/"
                             "migrationversions/shop"}})
               .exit_code == 0;
  })) << ripcord.err();
  talk_to_real_drivers({"--server", "http://" + api});
}

TEST(Adapter, SaysThatTheServerDoesNotAnswer) {
  ProcessOptions options = adapter_options();
  options.argv.insert(options.argv.end(),
                      {"--server", "http://127.0.0.1:" + std::to_string(free_port())});
  const RunResult result = run(options);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("--server http://127.0.0.1:"), std::string::npos) << result.err;
}

INSTANTIATE_TEST_SUITE_P(All, AdapterCase, testing::ValuesIn(case_files()),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace ripcord
