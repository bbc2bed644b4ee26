// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/cluster_drivers/shipped_shop.h"

#include "tests/support/paths/paths.h"

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr const char* kOurs = "featureflags,traffictargets,migrationversions,restorerequests";

bool install(ControlPlane& plane) {
  const std::string manifests = source_dir() + "/manifests/";
  plane.must_kubectl({"create", "namespace", "shop"});
  plane.must_kubectl({"apply", "--server-side", "-k", manifests + "install"});
  plane.must_kubectl(
      {"wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/part-of=ripcord"});
  plane.must_kubectl({"apply", "--server-side", "-k", manifests + "overlays/shop-namespace"});
  return true;
}

}  // namespace

void ShippedShop::SetUp() {
  REQUIRE_CONTROL_PLANE();
  static const bool installed = install(plane());
  ASSERT_TRUE(installed);
}

void ShippedShop::TearDown() {
  if (ripcord_ == nullptr && IsSkipped()) {
    return;
  }
  ripcord_.reset();
  kubectl({"delete", kOurs, "--all"});
  kubectl({"delete", "secret", "shop-database", "--ignore-not-found"});
  kubectl({"delete", "configmap", "shop-migrations", "shop-flags", "other-flags",
           "--ignore-not-found"});
}

const std::string& ShippedShop::token() {
  static const std::string token = [] {
    const std::string made = plane().must_kubectl(
        {"create", "token", "ripcord", "-n", "ripcord-system", "--duration=1h"});
    return made.substr(0, made.find('\n'));
  }();
  return token;
}

void ShippedShop::run(const std::string& resync) {
  run_with(plane().kubeconfig_for("ripcord", token()), resync);
}

void ShippedShop::run_with(const std::string& kubeconfig, const std::string& resync) {
  ripcord_.reset();
  ripcord_ = std::make_unique<RunningOnCluster>(
      kubeconfig, "shop",
      std::vector<std::string>{"--no-leader-elect", "--resync=" + resync, "--log-level=debug"});
}

std::string ShippedShop::kubectl(std::vector<std::string> args, const std::string& input) {
  args.insert(args.begin(), {"-n", "shop"});
  return plane().must_kubectl(std::move(args), input);
}

void ShippedShop::patch(const std::string& object, const std::string& json) {
  kubectl({"patch", object, "--type=merge", "-p", json});
}

nlohmann::json ShippedShop::get(const std::string& object) {
  return nlohmann::json::parse(kubectl({"get", object, "-o", "json"}));
}

std::string ShippedShop::condition(const std::string& object, const std::string& type) {
  const nlohmann::json status = get(object)["status"];
  for (const auto& each : status.value("conditions", nlohmann::json::array())) {
    if (each["type"] == type) {
      return fmt::format("{} {}: {}", each["status"].get<std::string>(),
                         each["reason"].get<std::string>(), each["message"].get<std::string>());
    }
  }
  return {};
}

testing::AssertionResult ShippedShop::becomes(const std::string& object, const std::string& type,
                                              const std::string& start) {
  std::string last;
  const bool became = eventually([&] {
    last = condition(object, type);
    return last.starts_with(start);
  });
  return became ? testing::AssertionSuccess()
                : testing::AssertionFailure() << object << " " << type << ": " << last;
}

std::string ShippedShop::everything_told() {
  return ripcord().log() + ripcord().metrics() + ripcord().health("/readyz?verbose").body +
         kubectl({"get", std::string(kOurs) + ",events,configmaps", "-o", "json"});
}

}  // namespace ripcord
