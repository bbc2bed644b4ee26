// SPDX-License-Identifier: Apache-2.0
#include "adapters/http/client.h"
#include "adapters/kubernetes/cached_store.h"
#include "adapters/kubernetes/cluster_client.h"
#include "adapters/kubernetes/remote_object_store.h"
#include "tests/contract/object_store/object_store_contract.h"
#include "tests/support/control_plane.h"
#include "tests/support/paths/paths.h"

#include <algorithm>

namespace ripcord {
namespace {

using kubernetes::AccessOptions;
using kubernetes::ClusterClient;
using kubernetes::Credentials;

std::unique_ptr<ClusterClient> make_client(Clock& clock) {
  AccessOptions options;
  options.kubeconfig = shared_control_plane().kubeconfig();
  return std::make_unique<ClusterClient>(
      std::make_shared<Credentials>(must(kubernetes::find_cluster_access(options)), clock, nullptr),
      http::make_http_clients, clock);
}

// A policy is in force some time after it was accepted.
void await_admission_policy(ObjectStore& store) {
  Resource wrong = sample_flag("wrong");
  std::get<FeatureFlagSpec>(wrong.spec).default_variant = "absent";
  const bool in_force = eventually([&] {
    const auto made = store.create(wrong);
    return !made && made.error().code() == StatusCode::kInvalidArgument;
  });
  if (!in_force) {
    throw std::runtime_error("the admission policy does not come into force");
  }
}

// Our CustomResourceDefinitions, their admission policy, the namespaces of the
// cases.
bool prepare(ObjectStore& store) {
  const ControlPlane& plane = shared_control_plane();
  plane.must_kubectl({"apply", "-f", source_dir() + "/crds"});
  plane.must_kubectl({"wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"});
  for (const std::string ns : {"shop", "a", "b", "a-b"}) {
    plane.must_kubectl({"create", "namespace", ns});
  }
  await_admission_policy(store);
  return true;
}

void make_empty(ObjectStore& store) {
  for (const Kind kind : kAllKinds) {
    for (const ResourcePtr& object : must(store.list(kind)).items) {
      if (!object->meta.finalizers.empty()) {
        Resource bare = *object;
        bare.meta.finalizers.clear();
        must(store.update(bare));
      }
      static_cast<void>(store.remove(object->key()));  // gone already if it was being deleted
    }
  }
}

class HeldClusterStore final : public StoreUnderTest {
 public:
  HeldClusterStore() {
    static const bool prepared = prepare(store_);
    static_cast<void>(prepared);
    make_empty(store_);
  }
  ObjectStore& store() override { return store_; }

 private:
  SystemClock clock_;
  std::unique_ptr<ClusterClient> client_ = make_client(clock_);
  kubernetes::RemoteObjectStore store_{*client_, *client_, client_->server()};
};

class NoMetrics final : public MetricSink {
 public:
  void add(const MetricDescriptor& /*counter*/, LabelValues /*labels*/, double /*delta*/) override {
  }
  void set(const MetricDescriptor& /*gauge*/, LabelValues /*labels*/, double /*value*/) override {}
  void observe(const MetricDescriptor& /*histogram*/, LabelValues /*labels*/,
               double /*value*/) override {}
  void remove(const MetricDescriptor& /*gauge*/, LabelValues /*labels*/) override {}
};

// What the controller works with: reads from the mirror, over what was written by itself.
class HeldMirroredStore final : public StoreUnderTest {
 public:
  HeldMirroredStore() {
    for (const Kind kind : kAllKinds) {
      if (!eventually([&] { return mirrored_.list(kind, std::nullopt).has_value(); })) {
        throw std::runtime_error("the mirror does not come about");
      }
    }
  }
  ObjectStore& store() override { return mirrored_; }

  void settle(Kind kind) override {
    const ObjectList there = must(server_.store().list(kind));
    std::int64_t newest = 0;
    for (const ResourcePtr& object : there.items) {
      newest = std::max(newest, object->meta.resource_version);
    }
    if (!eventually([&] { return must(store().list(kind)).resource_version >= newest; })) {
      throw std::runtime_error("the mirror does not follow");
    }
  }

 private:
  HeldClusterStore server_;  // first: it empties the server
  SystemClock clock_;
  NoMetrics metrics_;
  std::unique_ptr<ClusterClient> client_ = make_client(clock_);
  kubernetes::CachedStore mirrored_{*client_, *client_, {.server = client_->server()},
                                    clock_,   metrics_, Logger()};
};

template <class Held>
StoreFactory on_a_cluster(std::string name, bool is_a_mirror) {
  return {.name = std::move(name),
          .make = [](std::size_t) { return std::make_unique<Held>(); },
          .history_can_be_short = false,
          .watches_read_ahead = true,
          .version_is_shared = true,
          .own_writes_come_first = is_a_mirror,
          .waits_for_the_future = !is_a_mirror,
          .set_up = [] { REQUIRE_CONTROL_PLANE(); }};
}

INSTANTIATE_TEST_SUITE_P(Cluster, ObjectStoreContract,
                         testing::Values(on_a_cluster<HeldClusterStore>("cluster", false)));
INSTANTIATE_TEST_SUITE_P(Mirrored, ObjectStoreContract,
                         testing::Values(on_a_cluster<HeldMirroredStore>("mirrored", true)));

}  // namespace
}  // namespace ripcord
