// SPDX-License-Identifier: Apache-2.0
// kubectl get -w of what is no object of ours, events and namespaces, against both servers.
#include "tests/integration/kubectl/servers.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

// One that is not there by itself.
void make_object(const Shell& shell, const std::string& ns) {
  const RunResult made =
      shell("sed 's/name: shop/name: watched/' flag.yaml | kubectl -n " + ns + " create -f -");
  ASSERT_EQ(made.exit_code, 0) << made.out;
}

// Starts the watch, waits until it shows the first of `first` (it has begun), calls `change`, and
// waits for a line that has all of `wanted`.
void expect_told(const Shell& shell, const std::string& command, const std::string& first,
                 const std::function<void()>& change, const std::vector<std::string>& wanted) {
  const auto watch = shell.start(command);
  std::string seen;
  const auto shows = [&](const std::vector<std::string>& parts) {
    while (const auto line = watch->read_line(std::chrono::seconds(20))) {
      seen += *line + "\n";
      const bool all = std::ranges::all_of(
          parts, [&](const auto& part) { return line->find(part) != std::string::npos; });
      if (all) {
        return true;
      }
    }
    return false;
  };
  ASSERT_TRUE(shows({first})) << "$ " << command << "\n" << seen;
  change();
  EXPECT_TRUE(shows(wanted)) << "$ " << command << "\n" << seen;
}

// `record` makes an event about a FeatureFlag of that name.
void expect_events_are_watched(const Shell& shell,
                               const std::function<void(const std::string&)>& record) {
  record("first");
  for (const std::string command :
       {"kubectl get events -w", "kubectl get events.events.k8s.io -w", "kubectl events -w"}) {
    static int count = 0;
    const std::string name = "later" + std::to_string(++count);
    expect_told(shell, command, "/first", [&] { record(name); },
                {"Warning", "Probed", "/" + name, "why"});
  }
  expect_told(
      shell,
      "kubectl get events -w -o name --field-selector involvedObject.name=first,reason=Probed",
      "event/first", [&] { record("first"); }, {"event/first"});
}

void expect_namespaces_are_watched(const Shell& shell, const std::function<void()>& make) {
  expect_told(shell, "kubectl get ns -w", "default", make, {"brand-new", "Active"});
}

TEST(KubectlWatch, TellsEventsOfStandaloneRipcord) {
  REQUIRE_CONTROL_PLANE();  // for its kubectl
  Standalone ripcord;
  const Shell shell(shared_control_plane().kubectl_path(), "--server " + ripcord.url());
  expect_events_are_watched(shell, [&](const std::string& name) {
    ripcord.events().record({{Kind::kFeatureFlag, "scripted", name},
                             "u-" + name,
                             Event::Type::kWarning,
                             "Probed",
                             "Probe",
                             "why"});
  });
}

TEST(KubectlWatch, TellsEventsOfARealApiServer) {
  REQUIRE_CONTROL_PLANE();
  const ControlPlane& plane = shared_control_plane();
  prepare(plane);
  const Shell shell(plane.kubectl_path(), "--kubeconfig " + plane.kubeconfig());
  int count = 0;
  expect_events_are_watched(shell, [&](const std::string& name) {
    plane.must_kubectl({"create", "-f", "-"}, fmt::format(R"({{"apiVersion": "v1", "kind": "Event",
      "metadata": {{"name": "{0}.{1}", "namespace": "scripted"}}, "type": "Warning",
      "reason": "Probed", "message": "why", "involvedObject": {{"kind": "FeatureFlag",
      "apiVersion": "ripcord.dev/v1alpha1", "name": "{0}", "namespace": "scripted"}}}})",
                                                          name, ++count));
  });
}

TEST(KubectlWatch, TellsNamespacesOfStandaloneRipcord) {
  REQUIRE_CONTROL_PLANE();
  Standalone ripcord;
  const Shell shell(shared_control_plane().kubectl_path(), "--server " + ripcord.url());
  expect_namespaces_are_watched(shell, [&] { make_object(shell, "brand-new"); });
}

TEST(KubectlWatch, TellsNamespacesOfARealApiServer) {
  REQUIRE_CONTROL_PLANE();
  const ControlPlane& plane = shared_control_plane();
  const Shell shell(plane.kubectl_path(), "--kubeconfig " + plane.kubeconfig());
  expect_namespaces_are_watched(shell, [&] {
    plane.must_kubectl({"create", "namespace", "brand-new"});
  });
}

}  // namespace
}  // namespace ripcord
