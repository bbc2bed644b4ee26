// SPDX-License-Identifier: Apache-2.0
#include "adapters/process/child_runner.h"

#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

#include <csignal>
#include <thread>

#include <gtest/gtest.h>

namespace ripcord {
namespace {

Command command(std::vector<std::string> argv) {
  Command made;
  made.argv = std::move(argv);
  return made;
}

bool alive(const std::string& pid_file) {
  const std::string text = std::filesystem::exists(pid_file) ? read_file(pid_file) : "";
  if (text.empty()) {
    return false;
  }
  const std::string stat = "/proc/" + std::to_string(std::stoi(text)) + "/stat";
  // A zombie has ended; in a container nobody may be there to reap it.
  return std::filesystem::exists(stat) && read_file(stat).find(") Z ") == std::string::npos;
}

TEST(ChildRunner, GivesExitCodeAndBothStreams) {
  const auto outcome =
      ChildRunner().run(command({"/bin/sh", "-c", "echo to out; echo to err >&2; exit 7"}), {});
  ASSERT_OK(outcome);
  EXPECT_EQ(outcome->exit_code, 7);
  EXPECT_EQ(outcome->out, "to out\n");
  EXPECT_EQ(outcome->err, "to err\n");
}

TEST(ChildRunner, PassesArgumentsUntouchedByAnyShell) {
  const auto outcome =
      ChildRunner().run(command({"printf", "%s|", "a b", "$HOME", "`id`", "; ls", "*"}), {});
  ASSERT_OK(outcome);
  EXPECT_EQ(outcome->out, "a b|$HOME|`id`|; ls|*|");
}

TEST(ChildRunner, AddsToTheEnvironmentAndHasNoInput) {
  Command printing = command({"/bin/sh", "-c", "echo $PGPASSWORD; cat"});
  printing.env = {{"PGPASSWORD", "s3cret"}};
  const auto outcome = ChildRunner().run(printing, {});
  ASSERT_OK(outcome);
  EXPECT_EQ(outcome->out, "s3cret\n");
}

TEST(ChildRunner, AToolAndItsChildrenDieWithUs) {
  const TempDir directory;
  const std::string tool = directory / "tool";
  const std::string worker = directory / "worker";
  const int ended = run_forked([&] {
    const std::jthread killer([&] {
      eventually([&] { return alive(tool) && alive(worker); });
      ::kill(::getpid(), SIGKILL);
    });
    static_cast<void>(ChildRunner().run(command({"/bin/sh", "-c",
                                                 "trap '' TERM HUP; sleep 1000 & echo $! > " +
                                                     worker + "; echo $$ > " + tool + "; wait"}),
                                        {}));
    return 1;
  });
  ASSERT_EQ(ended, 128 + SIGKILL);
  ASSERT_TRUE(std::filesystem::exists(worker));
  EXPECT_TRUE(eventually([&] { return !alive(tool) && !alive(worker); }));
}

TEST(ChildRunner, KeepsTheEndOfLongOutput) {
  Command printing = command({"/bin/sh", "-c", "seq 1 200000 >&2"});
  printing.keep_output = 100;
  const auto outcome = ChildRunner().run(printing, {});
  ASSERT_OK(outcome);
  EXPECT_EQ(outcome->err.size(), 100U);
  EXPECT_TRUE(outcome->err.ends_with("200000\n"));
}

TEST(ChildRunner, NamesAProgramThatIsNotThere) {
  const auto missing = ChildRunner().run(command({"no-such-program-anywhere"}), {});
  EXPECT_CODE(missing, StatusCode::kNotFound);
  EXPECT_EQ(missing.error().reason(), "ToolMissing");
  EXPECT_CODE(ChildRunner().run(command({"/no/such/program"}), {}), StatusCode::kNotFound);
  EXPECT_CODE(ChildRunner().run({}, {}), StatusCode::kInvalidArgument);
}

TEST(ChildRunner, ReportsTheSignalThatEndedIt) {
  const auto outcome = ChildRunner().run(command({"/bin/sh", "-c", "kill -9 $$"}), {});
  ASSERT_OK(outcome);
  EXPECT_EQ(outcome->exit_code, 128 + SIGKILL);
}

TEST(ChildRunner, AStopEndsTheWholeGroupEvenWhenItIgnoresSigterm) {
  const TempDir directory;
  const std::string pid_file = directory / "pid";
  std::stop_source stop;
  const std::jthread stopper([&] {
    EXPECT_TRUE(eventually([&] { return alive(pid_file); }));
    stop.request_stop();
  });
  const auto outcome =
      ChildRunner(std::chrono::milliseconds(50))
          .run(command({"/bin/sh", "-c",
                        "trap '' TERM; (trap '' TERM; echo $$ > $0.tmp; mv $0.tmp $0; sleep 600); "
                        "sleep 600",
                        pid_file}),
               stop.get_token());
  EXPECT_CODE(outcome, StatusCode::kCancelled);
  EXPECT_TRUE(eventually([&] { return !alive(pid_file); }));
}

TEST(ChildRunner, TheChildDiesWithItsParent) {
  const TempDir directory;
  const std::string pid_file = directory / "pid";
  ASSERT_EQ(run_forked([&] {
              std::jthread killer([&] {
                eventually([&] { return alive(pid_file); });
                ::kill(::getpid(), SIGKILL);
              });
              const auto outcome = ChildRunner().run(
                  command({"/bin/sh", "-c", "echo $$ > $0; exec sleep 600", pid_file}), {});
              return outcome ? 0 : 1;
            }),
            128 + SIGKILL);
  EXPECT_TRUE(eventually([&] { return !alive(pid_file); }));
}

}  // namespace
}  // namespace ripcord
