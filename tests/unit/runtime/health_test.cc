// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/health.h"

#include <gtest/gtest.h>

namespace ripcord {
namespace {

WallTime noon() {
  return std::chrono::sys_days(std::chrono::January / 15 / 2024) + std::chrono::hours(12);
}

LoopHealth synced(Kind kind) {
  LoopHealth loop;
  loop.kind = kind;
  loop.synced = true;
  loop.objects = 3;
  loop.workers = 4;
  loop.busy = 1;
  return loop;
}

TEST(Readyz, IsOneWordWhenAllKindsAreSynced) {
  const HealthReport report = readyz({synced(Kind::kFeatureFlag)}, false);
  EXPECT_TRUE(report.ok);
  EXPECT_EQ(report.text, "ok");
}

TEST(Readyz, SaysPerKindWhatIsGoingOn) {
  LoopHealth flag = synced(Kind::kFeatureFlag);
  flag.last_success = noon();
  LoopHealth traffic = synced(Kind::kTrafficTarget);
  traffic.watch_error = "Unavailable: no answer";
  traffic.last_error = "TrafficTarget default/shop: Unavailable: socket";
  traffic.last_error_at = noon();
  const HealthReport report = readyz({flag, traffic}, true);
  EXPECT_TRUE(report.ok);
  EXPECT_EQ(report.text,
            "[+]FeatureFlag synced, 3 objects, 1 of 4 workers busy, last success "
            "2024-01-15T12:00:00Z\n"
            "[+]TrafficTarget synced, 3 objects, 1 of 4 workers busy, last success never, watch "
            "interrupted: Unavailable: no answer, last error 2024-01-15T12:00:00Z: TrafficTarget "
            "default/shop: Unavailable: socket\n"
            "readyz check passed\n");
}

TEST(Readyz, NamesTheKindThatCannotBeReadWhileTheOthersWork) {
  LoopHealth restore;
  restore.kind = Kind::kRestoreRequest;
  restore.watch_error = "PermissionDenied: may not list";
  const HealthReport report = readyz({synced(Kind::kFeatureFlag), restore}, true);
  EXPECT_TRUE(report.ok);
  EXPECT_NE(report.text.find("[-]RestoreRequest not synced: PermissionDenied: may not list\n"),
            std::string::npos);
}

TEST(Readyz, IsNotReadyWhileAFirstListIsOnItsWayOrNoKindCanBeRead) {
  LoopHealth restore;
  restore.kind = Kind::kRestoreRequest;
  const HealthReport early = readyz({synced(Kind::kFeatureFlag), restore}, false);
  EXPECT_FALSE(early.ok);
  EXPECT_NE(early.text.find("[-]RestoreRequest not synced: first list"), std::string::npos);
  EXPECT_NE(early.text.find("readyz check failed\n"), std::string::npos);
  restore.watch_error = "PermissionDenied: may not list";
  EXPECT_FALSE(readyz({restore}, false).ok);
}

TEST(Livez, FailsWhenALoopWasNotSeenForLong) {
  LoopHealth flag = synced(Kind::kFeatureFlag);
  EXPECT_TRUE(livez({flag}, false).ok);
  flag.silence = std::chrono::minutes(3);
  const HealthReport report = livez({flag}, false);
  EXPECT_FALSE(report.ok);
  EXPECT_EQ(report.text, "[-]FeatureFlag loop not seen for 3m0s\nlivez check failed\n");
}

TEST(Readyz, NamesWhatIsWrongWithASourceAndStaysReady) {
  const std::vector<SourceHealth> sources = {
      {"manifests /good", {}},
      {"manifests /bad", {"/bad: has no manifest any more", "a.yaml:3:1: unknown field"}}};
  const HealthReport report = readyz({synced(Kind::kFeatureFlag)}, true, sources);
  EXPECT_TRUE(report.ok);
  EXPECT_NE(report.text.find("[+]manifests /good ok\n"), std::string::npos) << report.text;
  EXPECT_NE(
      report.text.find("[+]manifests /bad has 2 problems, the first: /bad: has no manifest any "
                       "more\n"),
      std::string::npos)
      << report.text;
}

}  // namespace
}  // namespace ripcord
