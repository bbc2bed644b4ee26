// SPDX-License-Identifier: Apache-2.0
// Flags that are written to ConfigMaps in flagd's format, with the shipped rights.
#include "tests/integration/cluster_drivers/shipped_shop.h"
#include "tests/support/paths/paths.h"

#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace ripcord {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class AConfigMapSink : public ShippedShop {
 protected:
  void flag(const std::string& name, const std::string& spec = "enabled: true",
            const std::string& map = "shop-flags", const std::string& key = "flags.json") {
    apply(
        fmt::format("apiVersion: ripcord.dev/v1alpha1\nkind: FeatureFlag\nmetadata: {{name: {}}}\n"
                    "spec: {{{}, sinks: [{{configMap: {{name: {}, key: {}}}}}]}}\n",
                    name, spec, map, key));
  }
  json map_data(const std::string& map = "shop-flags") {
    const RunResult got = plane().kubectl({"-n", "shop", "get", "configmap", map, "-o", "json"});
    return got.exit_code == 0 ? json::parse(got.out).value("data", json::object()) : json::object();
  }
  // "a=ENABLED:on b=DISABLED:off" of one file; what it is instead, when it is none.
  std::string entries(const std::string& map = "shop-flags",
                      const std::string& key = "flags.json") {
    const std::string text = map_data(map).value(key, "");
    const json file = json::parse(text, nullptr, false);
    if (file.is_discarded()) {
      return "no file: " + text;
    }
    const json flags = file.value("flags", json::object());
    std::string all;
    for (const auto& [name, entry] : flags.items()) {
      all +=
          fmt::format("{}{}={}:{}", all.empty() ? "" : " ", name, entry["state"].get<std::string>(),
                      entry["defaultVariant"].get<std::string>());
    }
    return all;
  }
  testing::AssertionResult has(const std::string& wanted, const std::string& map = "shop-flags",
                               const std::string& key = "flags.json") {
    return eventually([&] { return entries(map, key) == wanted; })
               ? testing::AssertionSuccess()
               : testing::AssertionFailure() << entries(map, key) << ripcord().log();
  }
  bool written(const std::string& name) {
    return becomes("featureflag/" + name, "SinksWritten", "True Written: ");
  }
};

TEST_F(AConfigMapSink, HasTheFlagsThatNameItAndLeavesTheOtherKeysAlone) {
  kubectl({"create", "configmap", "shop-flags", "--from-literal=other=kept"});
  run();
  flag("checkout");
  // Flags that the first list brings are written, but how long that took is not measured.
  EXPECT_TRUE(written("checkout"));
  flag("banner", R"(variants: {a: x, b: "y\"z"}, defaultVariant: b, offVariant: a)");
  flag("limit", "variants: {low: 10.0, high: 20}, defaultVariant: low, offVariant: low");
  EXPECT_TRUE(has("banner=ENABLED:b checkout=ENABLED:on limit=ENABLED:low"));
  for (const char* name : {"checkout", "banner", "limit"}) {
    EXPECT_TRUE(written(name)) << name;
  }
  EXPECT_EQ(map_data()["other"], "kept");
  const std::string managers = kubectl({"get", "configmap", "shop-flags", "--show-managed-fields",
                                        "-o", "jsonpath={.metadata.managedFields[*].manager}"});
  EXPECT_THAT(managers, HasSubstr("ripcord-flags"));
  EXPECT_GE(ripcord().metric(R"(ripcord_flag_propagation_seconds_count{sink="configmap"})"), 2);
}

TEST_F(AConfigMapSink, IsAFileThatFlagdsSchemaTakes) {
  run();
  flag("checkout");
  flag("off-for-all", "enabled: false");
  flag("code-default", "enabled: false, whenDisabled: CodeDefault");
  flag("object", R"(key: "Ünï/∂ \"q\"", variants: {a: {x: [1, {z: w}]}, b: {}}, )"
                 R"(defaultVariant: a, offVariant: b)");
  EXPECT_TRUE(
      has("checkout=ENABLED:on code-default=DISABLED:on off-for-all=ENABLED:off "
          "Ünï/∂ \"q\"=ENABLED:a"));
  const std::string text = map_data()["flags.json"];
  const RunResult checked =
      ripcord::run({.argv = {source_dir() + "/tests/support/flagd_schema/check"}}, text);
  if (checked.exit_code == 77) {
    GTEST_SKIP() << checked.out;
  }
  EXPECT_EQ(checked.exit_code, 0) << checked.out << checked.err << text;
}

TEST_F(AConfigMapSink, FollowsAnOverrideAMoveAndADeletion) {
  run();
  flag("checkout");
  flag("banner");
  EXPECT_TRUE(has("banner=ENABLED:on checkout=ENABLED:on"));
  patch("featureflag/checkout", R"({"spec":{"override":{"enabled":false,"reason":"INC-231"}}})");
  EXPECT_TRUE(has("banner=ENABLED:on checkout=ENABLED:off"));
  flag("banner", "enabled: true", "other-flags", "more.json");
  EXPECT_TRUE(has("checkout=ENABLED:off"));
  EXPECT_TRUE(has("banner=ENABLED:on", "other-flags", "more.json"));
  EXPECT_TRUE(written("banner"));
  EXPECT_TRUE(eventually([&] {
    return get("featureflag/banner")["status"]["sinks"] ==
           json::parse(R"([{"configMap":{"name":"other-flags","key":"more.json"}}])");
  })) << get("featureflag/banner")["status"];
  kubectl({"delete", "featureflag", "checkout"});
  EXPECT_TRUE(has(""));
  patch("featureflag/banner", R"({"spec":{"sinks":null}})");
  EXPECT_TRUE(has("", "other-flags", "more.json"));
  EXPECT_TRUE(eventually([&] { return condition("featureflag/banner", "SinksWritten").empty(); }));
  EXPECT_EQ(ripcord().flag("banner"), "true");
}

TEST_F(AConfigMapSink, KeepsTwoFilesOfOneConfigMap) {
  run();
  flag("checkout");
  flag("banner", "enabled: true", "shop-flags", "more.json");
  EXPECT_TRUE(has("checkout=ENABLED:on"));
  EXPECT_TRUE(has("banner=ENABLED:on", "shop-flags", "more.json"));
  patch("featureflag/checkout", R"({"spec":{"enabled":false}})");
  EXPECT_TRUE(has("checkout=ENABLED:off"));
  EXPECT_TRUE(has("banner=ENABLED:on", "shop-flags", "more.json"));
}

TEST_F(AConfigMapSink, IsPutRightAfterDriftAndAfterARestartAndNothingIsWrittenOtherwise) {
  run("1s");
  flag("checkout");
  flag("banner");
  EXPECT_TRUE(has("banner=ENABLED:on checkout=ENABLED:on"));
  EXPECT_TRUE(written("banner"));
  patch("configmap/shop-flags", R"({"data":{"flags.json":"{}"}})");
  EXPECT_TRUE(has("banner=ENABLED:on checkout=ENABLED:on"));
  kubectl({"delete", "configmap", "shop-flags"});
  EXPECT_TRUE(has("banner=ENABLED:on checkout=ENABLED:on"));
  EXPECT_TRUE(eventually([&] {
    return ripcord().metric(R"(ripcord_drift_repairs_total{strategy="feature_flag"})") == 2;
  }));
  ripcord().kill9();
  kubectl({"delete", "featureflag", "banner"});
  const std::string version = get("featureflag/checkout")["metadata"]["resourceVersion"];
  run("1s");
  EXPECT_TRUE(has("checkout=ENABLED:on"));
  const std::string settled = get("configmap/shop-flags")["metadata"]["resourceVersion"];
  std::this_thread::sleep_for(std::chrono::seconds(3));  // three resyncs
  EXPECT_EQ(get("configmap/shop-flags")["metadata"]["resourceVersion"], settled);
  EXPECT_EQ(get("featureflag/checkout")["metadata"]["resourceVersion"], version);
}

TEST_F(AConfigMapSink, ThatFailsIsAConditionAndTheFlagIsServedAllTheSame) {
  apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop-flags}\nimmutable: true\n");
  run();
  flag("checkout");
  EXPECT_TRUE(becomes("featureflag/checkout", "SinksWritten", "False "));
  EXPECT_TRUE(eventually([&] {
    return condition("featureflag/checkout", "SinksWritten").find("immutable") != std::string::npos;
  })) << condition("featureflag/checkout", "SinksWritten");
  EXPECT_TRUE(becomes("featureflag/checkout", "Ready", "True Serving: "));
  patch("featureflag/checkout", R"({"spec":{"override":{"enabled":false}}})");
  EXPECT_TRUE(eventually([&] { return ripcord().flag("checkout") == "false"; }));
  EXPECT_TRUE(becomes("featureflag/checkout", "Ready", "True Overridden: "));
  kubectl({"delete", "configmap", "shop-flags"});
  EXPECT_TRUE(has("checkout=ENABLED:off"));
  EXPECT_TRUE(written("checkout"));
}

}  // namespace
}  // namespace ripcord
