// SPDX-License-Identifier: Apache-2.0
#pragma once
// Namespace `shop` of a control plane where manifests/install and manifests/overlays/shop-namespace
// are applied, and `ripcord run` there with the token of its shipped ServiceAccount alone. The
// resync is an hour unless said otherwise: what happens comes from being told.

#include "tests/integration/cluster/running_on_cluster.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ripcord {

class ShippedShop : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  static ControlPlane& plane() { return shared_control_plane(); }
  static const std::string& token();  // of the ServiceAccount
  void run(const std::string& resync = "1h");
  // With a kubeconfig that leads elsewhere, such as through a proxy.
  void run_with(const std::string& kubeconfig, const std::string& resync = "1h");
  RunningOnCluster& ripcord() { return *ripcord_; }
  std::string kubectl(std::vector<std::string> args, const std::string& input = {});
  void apply(const std::string& yaml) { kubectl({"apply", "-f", "-"}, yaml); }
  void patch(const std::string& object, const std::string& json);
  nlohmann::json get(const std::string& object);
  // "False SecretNotFound: ..." of one condition; empty: it is not there.
  std::string condition(const std::string& object, const std::string& type);
  // Waits for a condition that starts with this.
  testing::AssertionResult becomes(const std::string& object, const std::string& type,
                                   const std::string& start);
  // All that anybody could read of what it does.
  std::string everything_told();

 private:
  std::unique_ptr<RunningOnCluster> ripcord_;
};

}  // namespace ripcord
