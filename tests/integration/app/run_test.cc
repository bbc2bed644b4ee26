// SPDX-License-Identifier: Apache-2.0
#include "adapters/http/client.h"
#include "tests/integration/app/running_ripcord.h"
#include "tests/support/paths/paths.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using testing::HasSubstr;

std::string flag(const std::string& more) {
  return "apiVersion: ripcord.dev/v1alpha1\nkind: FeatureFlag\nmetadata: {name: "
         "new-checkout}\nspec:\n  key: "
         "new_checkout\n" +
         more;
}

bool serves(const RunningRipcord& ripcord, const std::string& part) {
  return ripcord.flag("new_checkout").body.find(part) != std::string::npos;
}

TEST(Run, ServesAFlagFromASavedFileAndFlipsItWhenTheFileIsSavedAgain) {
  RunningRipcord ripcord;
  ripcord.save("flag.yaml", flag("  enabled: true\n"));
  ASSERT_TRUE(eventually([&] { return serves(ripcord, "\"value\":true"); }));
  ripcord.save("flag.yaml", flag("  enabled: false\n"));
  ASSERT_TRUE(eventually([&] { return serves(ripcord, "\"value\":false"); }));
  EXPECT_THAT(ripcord.flag("new_checkout").body, HasSubstr("\"reason\":\"STATIC\""));
  ripcord.await_ready("featureflags/new-checkout");
  EXPECT_THAT(ripcord.metrics(), HasSubstr("ripcord_rollback_duration_seconds_count{"));
}

TEST(Run, KeepsAnOverrideThatGitDoesNotName) {
  RunningRipcord ripcord;
  ripcord.save("flag.yaml", flag("  enabled: true\n"));
  ripcord.await_ready("featureflags/new-checkout");
  const HttpResponse patched =
      ripcord.api("PATCH", "featureflags/new-checkout",
                  R"({"spec":{"override":{"enabled":false,"reason":"INC-231","by":"alice"}}})",
                  "application/merge-patch+json");
  ASSERT_EQ(patched.status, 200) << patched.body;
  ASSERT_TRUE(eventually([&] { return serves(ripcord, "\"value\":false"); }));
  ripcord.save("flag.yaml", flag("  enabled: true\n  defaultVariant: \"on\"\n"));
  ASSERT_TRUE(eventually([&] {
    return ripcord.api("GET", "featureflags/new-checkout").body.find("defaultVariant\\\":\\\"on") !=
           std::string::npos;
  })) << "the second save was applied";
  EXPECT_TRUE(serves(ripcord, "\"value\":false"));
  EXPECT_THAT(ripcord.await_ready("featureflags/new-checkout"), HasSubstr("INC-231"));
}

TEST(Run, GoesOnWithTheLastGoodStateWhenAFileIsBroken) {
  RunningRipcord ripcord;
  ripcord.save("flag.yaml", flag("  enabled: true\n"));
  ASSERT_TRUE(eventually([&] { return serves(ripcord, "\"value\":true"); }));
  ripcord.save("flag.yaml", flag("  enabeld: false\n"));
  ASSERT_TRUE(eventually([&] { return ripcord.log().find("spec.enabeld") != std::string::npos; }));
  EXPECT_TRUE(serves(ripcord, "\"value\":true"));
  ripcord.save("flag.yaml", flag("  enabled: false\n"));
  EXPECT_TRUE(eventually([&] { return serves(ripcord, "\"value\":false"); }));
}

TEST(Run, PrunesTheObjectsOfARemovedFileAndSaysThatNothingIsUndone) {
  RunningRipcord ripcord;
  ripcord.save(
      "traffic.yaml",
      "apiVersion: ripcord.dev/v1alpha1\nkind: TrafficTarget\nmetadata: {name: shop}\nspec:\n"
      "  environments: [{name: blue, address: \"127.0.0.1:9001\"}]\n  active: blue\n"
      "  router: {haproxy: {socket: /nowhere/haproxy.sock, backend: shop}}\n");
  ripcord.await_ready("traffictargets/shop", "False");
  ripcord.save("other.yaml", flag("  enabled: true\n"));  // an empty directory prunes nothing
  ripcord.remove("traffic.yaml");
  ASSERT_TRUE(eventually([&] { return ripcord.api("GET", "traffictargets/shop").status == 404; }));
  EXPECT_TRUE(
      eventually([&] { return ripcord.log().find("undoes nothing") != std::string::npos; }));
}

TEST(Run, KeepsEverythingAndSaysSoWhenTheVolumeOfItsManifestsIsGone) {
  RunningRipcord ripcord;
  ripcord.save("flag.yaml", flag("  enabled: false\n"));
  ripcord.await_ready("featureflags/new-checkout");
  const std::string volume = ripcord.directory() / "volume";
  std::filesystem::rename(ripcord.manifests(), volume);
  std::filesystem::create_directory(ripcord.manifests());
  ASSERT_TRUE(eventually([&] {
    return ripcord.health("/readyz?verbose").body.find("no manifest any more") != std::string::npos;
  }));
  EXPECT_EQ(ripcord.health("/readyz").status, 200);
  EXPECT_THAT(ripcord.log(), HasSubstr("no manifest any more"));
  EXPECT_THAT(ripcord.metrics(),
              HasSubstr("ripcord_manifest_errors{directory=\"" + ripcord.manifests() + "\"} 1\n"));
  EXPECT_TRUE(serves(ripcord, "\"value\":false"));
  std::filesystem::remove(ripcord.manifests());
  std::filesystem::rename(volume, ripcord.manifests());
  EXPECT_TRUE(eventually([&] {
    return ripcord.health("/readyz?verbose").body.find(ripcord.manifests() + " ok") !=
           std::string::npos;
  }));
  EXPECT_TRUE(serves(ripcord, "\"value\":false"));
}

TEST(Run, ServesEveryStoredFlagAtOnceAfterAKill) {
  RunningRipcord ripcord;
  ripcord.save("flag.yaml", flag("  enabled: false\n"));
  ripcord.await_ready("featureflags/new-checkout");
  ripcord.kill9();
  ripcord.start();
  EXPECT_TRUE(serves(ripcord, "\"value\":false"));
}

// Without --data nothing is stored: a client that asked too early would get its own default.
TEST(Run, ServesEveryDeclaredFlagFromTheFirstAnswerOn) {
  TempDir dir;
  std::string many;
  for (int i = 0; i < 2000; ++i) {
    many += "---\napiVersion: ripcord.dev/v1alpha1\nkind: FeatureFlag\nmetadata: {name: flag-" +
            std::to_string(i) + "}\nspec: {enabled: false}\n";
  }
  write_file(dir / "flags.yaml", many);
  const std::string address = "127.0.0.1:" + std::to_string(free_port());
  ChildProcess ripcord({.argv = {bin_dir() + "/ripcord", "run", "--manifests", dir.path().string(),
                                 "--metrics-bind-address", "0", "--health-probe-bind-address", "0",
                                 "--api-bind-address", "0", "--ofrep-bind-address", address,
                                 "--log-level", "error"}});
  const auto client = http::make_http_client();
  HttpRequest request;
  request.method = "POST";
  request.url = "http://" + address + "/ofrep/v1/evaluate/flags/flag-1999";
  request.body = "{}";
  request.headers["Content-Type"] = "application/json";
  HttpResponse first;
  ASSERT_TRUE(eventually([&] {
    auto answer = client->send(request);
    first = answer.value_or(HttpResponse{});
    return answer.has_value();
  })) << ripcord.err();
  EXPECT_EQ(first.status, 200) << first.body;
}

TEST(Run, EndsWithZeroOnSigterm) {
  RunningRipcord ripcord;
  EXPECT_EQ(ripcord.terminate(), 0) << ripcord.log();
}

TEST(Run, TellsItsHealthByKind) {
  RunningRipcord ripcord;
  const HttpResponse ready = ripcord.health("/readyz?verbose");
  EXPECT_EQ(ready.status, 200);
  for (const char* kind : {"FeatureFlag", "TrafficTarget", "MigrationVersion", "RestoreRequest"}) {
    EXPECT_THAT(ready.body, HasSubstr(std::string("[+]") + kind));
  }
  EXPECT_EQ(ripcord.health("/livez").status, 200);
  EXPECT_EQ(ripcord.health("/nothing").status, 404);
}

TEST(Run, RefusesADataDirectoryThatAnotherProcessUses) {
  RunningRipcord ripcord;
  const RunResult second =
      ripcord_command({"run", "--data", ripcord.directory() / "data", "--metrics-bind-address", "0",
                       "--health-probe-bind-address", "0", "--api-bind-address", "0",
                       "--ofrep-bind-address", "127.0.0.1:0"});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.err, HasSubstr("--data"));
}

TEST(Run, NamesTheOptionWhosePortIsInUse) {
  RunningRipcord ripcord;
  const RunResult second =
      ripcord_command({"run", "--metrics-bind-address", "0", "--health-probe-bind-address", "0",
                       "--api-bind-address", "0", "--ofrep-bind-address",
                       "127.0.0.1:" + std::to_string(ripcord.ofrep_port())});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.err, HasSubstr("--ofrep-bind-address"));
  EXPECT_THAT(second.err, HasSubstr(std::to_string(ripcord.ofrep_port())));
}

// A rate() over a family that begins with its first sample misses the first rollback.
TEST(Run, ShowsEverySeriesAtZeroBeforeAnythingHappened) {
  RunningRipcord ripcord;
  const std::string metrics = ripcord.metrics();
  for (const char* line :
       {"ripcord_rollback_duration_seconds_count{result=\"succeeded\",strategy=\"feature_flag\","
        "trigger=\"override\"} 0\n",
        "ripcord_rollback_duration_seconds_bucket{result=\"rolled_back\",strategy=\"traffic_"
        "target\","
        "trigger=\"automatic\",le=\"0.05\"} 0\n",
        "ripcord_rollbacks_total{result=\"failed\",strategy=\"migration_version\","
        "trigger=\"override\"} 0\n",
        "ripcord_rollbacks_total{result=\"succeeded\",strategy=\"restore_request\","
        "trigger=\"spec\"} 0\n",
        "ripcord_rollback_stage_duration_seconds_count{stage=\"swap\",strategy=\"restore_request\"}"
        " "
        "0\n",
        "ripcord_rollback_available{strategy=\"migration_version\"} 0\n",
        "ripcord_flag_propagation_seconds_count{sink=\"ofrep\"} 0\n",
        "ripcord_flag_evaluations_total{reason=\"static\",result=\"success\"} 0\n",
        "ripcord_watch_lag_seconds_count{controller=\"traffic_target\"} 0\n",
        "ripcord_traffic_downtime_seconds_count 0\n", "ripcord_traffic_probe_failures_total 0\n",
        "ripcord_restored_rows_total 0\n",
        "ripcord_suppressed_writes_total{strategy=\"feature_flag\"} 0\n",
        "controller_runtime_reconcile_time_seconds_count{controller=\"feature_flag\"} 0\n",
        "workqueue_queue_duration_seconds_count{controller=\"feature_flag\",name=\"feature_flag\"} "
        "0\n"}) {
    EXPECT_THAT(metrics, HasSubstr(line));
  }
}

TEST(Run, MeasuresHowLongAChangeTookToBePickedUpAndToReachApplications) {
  RunningRipcord ripcord;
  ripcord.save("flag.yaml", flag("  enabled: true\n"));
  ripcord.await_ready("featureflags/new-checkout");
  ripcord.save("flag.yaml", flag("  enabled: false\n"));
  ASSERT_TRUE(eventually([&] { return serves(ripcord, "\"value\":false"); }));
  ripcord.await_ready("featureflags/new-checkout");
  const std::string metrics = ripcord.metrics();
  EXPECT_THAT(metrics,
              HasSubstr("ripcord_watch_lag_seconds_count{controller=\"feature_flag\"} 2\n"));
  EXPECT_THAT(metrics,
              HasSubstr("ripcord_watch_lag_seconds_count{controller=\"restore_request\"} 0\n"));
  EXPECT_THAT(metrics, HasSubstr("ripcord_flag_propagation_seconds_count{sink=\"ofrep\"} 2\n"));
}

TEST(Run, PassesPromtoolsCheck) {
  RunningRipcord ripcord;
  ripcord.save("flag.yaml", flag("  enabled: false\n"));
  ripcord.await_ready("featureflags/new-checkout");
  const RunResult check = run({.argv = {"promtool", "check", "metrics"}}, ripcord.metrics());
  EXPECT_EQ(check.exit_code, 0) << check.out << check.err;
}

// The rollback that this test causes is found again in a real Prometheus that scraped it.
TEST(Run, TellsPrometheusHowLongARollbackTook) {
  RunningRipcord ripcord;
  ripcord.save("flag.yaml", flag("  enabled: true\n"));
  ripcord.await_ready("featureflags/new-checkout");
  ripcord.save("flag.yaml", flag("  enabled: false\n"));
  ASSERT_TRUE(eventually([&] { return serves(ripcord, "\"value\":false"); }));
  ripcord.await_ready("featureflags/new-checkout");
  TempDir dir;
  write_file(dir / "prometheus.yml",
             "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: ripcord\n  "
             "static_configs:\n  - targets: "
             "[\"127.0.0.1:" +
                 std::to_string(ripcord.metrics_port()) + "\"]\n");
  const std::string address = "127.0.0.1:" + std::to_string(free_port());
  ChildProcess prometheus(
      {.argv = {"prometheus", "--config.file=" + (dir / "prometheus.yml"),
                "--storage.tsdb.path=" + (dir / "tsdb"), "--web.listen-address=" + address}});
  const std::string query = "http://" + address +
                            "/api/v1/"
                            "query?query=sum(ripcord_rollback_duration_seconds_count{strategy=%"
                            "22feature_flag%22,result=%22succeeded%22})";
  EXPECT_TRUE(eventually([&] {
    const RunResult answer = run({.argv = {"curl", "-fsSg", query}});
    const RunResult value =
        run({.argv = {"jq", "-e", "(.data.result[0].value[1] | tonumber) >= 1"}},
            answer.out.empty() ? "null" : answer.out);
    return value.exit_code == 0;
  })) << prometheus.err()
      << ripcord.metrics();
}

}  // namespace
}  // namespace ripcord
