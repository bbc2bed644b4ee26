// SPDX-License-Identifier: Apache-2.0
// One reflector against the real server behind a proxy that breaks what it sends.
#include "adapters/kubernetes/reflector.h"

#include "adapters/http/client.h"
#include "adapters/kubernetes/cluster_client.h"
#include "tests/integration/cluster/running_on_cluster.h"
#include "tests/support/status_matchers.h"

#include <map>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using namespace std::chrono_literals;

class NoMetrics final : public MetricSink {
 public:
  void add(const MetricDescriptor& /*counter*/, LabelValues /*labels*/, double /*delta*/) override {
  }
  void set(const MetricDescriptor& /*gauge*/, LabelValues /*labels*/, double /*value*/) override {}
  void observe(const MetricDescriptor& /*histogram*/, LabelValues /*labels*/,
               double /*value*/) override {}
  void remove(const MetricDescriptor& /*gauge*/, LabelValues /*labels*/) override {}
};

// What the reflector says there is, and what it must never do.
class Seen final : public kubernetes::MirrorSink {
 public:
  void replace(std::vector<StoredObject> objects, std::int64_t /*version*/) override {
    const MutexLock lock(mutex_);
    ++lists_;
    versions_.clear();
    for (const StoredObject& object : objects) {
      const ObjectIdentity identity = object.identity();
      versions_[std::string(identity.name)] = identity.resource_version;
    }
  }
  void apply(WatchEvent event) override {
    const MutexLock lock(mutex_);
    const auto known = versions_.find(event.object->meta.name);
    went_back_ = went_back_ ||
                 (known != versions_.end() && known->second > event.object->meta.resource_version);
    if (event.type == WatchEvent::Type::kDeleted) {
      versions_.erase(event.object->meta.name);
    } else {
      versions_[event.object->meta.name] = event.object->meta.resource_version;
    }
  }
  void advance(std::int64_t /*version*/) override {}

  std::map<std::string, std::int64_t> versions() const {
    const MutexLock lock(mutex_);
    return versions_;
  }
  int lists() const {
    const MutexLock lock(mutex_);
    return lists_;
  }
  bool went_back() const {
    const MutexLock lock(mutex_);
    return went_back_;
  }

 private:
  mutable Mutex mutex_;
  std::map<std::string, std::int64_t> versions_ GUARDED_BY(mutex_);
  int lists_ GUARDED_BY(mutex_) = 0;
  bool went_back_ GUARDED_BY(mutex_) = false;
};

std::map<std::string, std::int64_t> truth(const ClusterNamespace& ns) {
  std::map<std::string, std::int64_t> versions;
  const auto list = nlohmann::json::parse(ns.request("GET", "featureflags").body);
  if (!list.contains("items")) {  // for a moment after an edit of their definition
    return {{"no list: " + list.dump(), 0}};
  }
  for (const auto& item : list["items"]) {
    versions[item["metadata"]["name"]] =
        std::stoll(item["metadata"]["resourceVersion"].get<std::string>());
  }
  return versions;
}

class AReflector : public ::testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_CONTROL_PLANE();
    ns_ = std::make_unique<ClusterNamespace>();
    proxy_ = std::make_unique<FaultProxy>(ClusterNamespace::plane(), plain_client());
    kubernetes::AccessOptions access;
    access.kubeconfig = proxy_->kubeconfig(ClusterNamespace::plane().token());
    client_ = std::make_unique<kubernetes::ClusterClient>(
        std::make_shared<kubernetes::Credentials>(kubernetes::find_cluster_access(access).value(),
                                                  clock_, nullptr),
        http::make_http_clients, clock_);
  }

  void start(Duration list_wait = 30s, Duration silence = 90s) {
    kubernetes::ReflectorOptions options;
    options.silence = silence;
    options.server = client_->server();
    options.ns = ns_->name();
    options.first_retry = 5ms;
    options.last_retry = 20ms;
    options.list_wait = list_wait;
    reflector_ = std::make_unique<kubernetes::Reflector>(*client_, *client_, options, seen_, clock_,
                                                         metrics_, Logger());
    thread_ = std::jthread([this](const std::stop_token& stop) { reflector_->run(stop); });
  }
  void TearDown() override { thread_ = {}; }

  bool agrees() {
    return eventually([&] { return seen_.versions() == truth(*ns_); });
  }

  SystemClock clock_;
  NoMetrics metrics_;
  Seen seen_;
  std::unique_ptr<ClusterNamespace> ns_;
  std::unique_ptr<FaultProxy> proxy_;
  std::unique_ptr<kubernetes::ClusterClient> client_;
  std::unique_ptr<kubernetes::Reflector> reflector_;
  std::jthread thread_;
};

TEST_F(AReflector, WhoseStreamBreaksAfterEvery64thByteEndsWithWhatThereIs) {
  for (int i = 0; i < 3; ++i) {
    ns_->apply_flag(fmt::format("f{}", i));
  }
  // One stream after the other is cut a little later, first lists too, so inside every field.
  proxy_->add_rule(R"({"path":"watch=1","cut_step":64,"times":40})");
  start();
  for (int i = 0; i < 10; ++i) {
    ns_->request(
        "PATCH", fmt::format("featureflags/f{}", i % 3),
        fmt::format(R"({{"spec":{{"override":{{"enabled":false,"reason":"größer ∂ {}"}}}}}})", i));
  }
  ns_->kubectl({"delete", "featureflag", "f1"});
  EXPECT_TRUE(agrees());
  EXPECT_EQ(seen_.versions().size(), 2U);
  EXPECT_FALSE(seen_.went_back());
  EXPECT_GE(proxy_->count(0, [](const auto& request) { return request.rule != 0; }), 10U);
  EXPECT_EQ(seen_.lists(), 1) << "a stream that broke is taken up where it was";
}

TEST_F(AReflector, WhoseStreamingListNeverEndsListsInPages) {
  ns_->apply_flag("checkout");
  for (int i = 0; i < 500; ++i) {  // one more than a page holds
    ASSERT_EQ(ns_->request("POST", "featureflags",
                           fmt::format(
                               R"({{"apiVersion":"ripcord.dev/v1alpha1",)"
                               R"("kind":"FeatureFlag","metadata":{{"name":"f{}"}},"spec":{{}}}})",
                               i),
                           "application/json")
                  .status,
              201);
  }
  proxy_->add_rule(R"({"path":"sendInitialEvents","no_end":1})");
  start(500ms);
  EXPECT_TRUE(agrees());
  EXPECT_EQ(seen_.versions().size(), 501U);
  for (const std::string part : {"?limit=500", "&continue="}) {
    EXPECT_GE(
        proxy_->count(
            0, [&](const auto& request) { return request.path.find(part) != std::string::npos; }),
        1U)
        << part;
  }
  ns_->apply_flag("checkout", false);
  EXPECT_TRUE(agrees());
}

// Half-open: the peer is gone, and nobody says so.
TEST_F(AReflector, WhoseConnectionDiesWithoutAWordGoesOnWhereItWas) {
  for (int i = 0; i < 3; ++i) {
    ns_->apply_flag(fmt::format("f{}", i));
  }
  start(30s, 1s);
  ASSERT_TRUE(agrees());
  for (int round = 0; round < 3; ++round) {
    proxy_->freeze_connections();
    for (int i = 0; i < 5; ++i) {
      ns_->request("PATCH", "featureflags/f0",
                   fmt::format(R"({{"spec":{{"override":{{"enabled":false,"reason":"{}{}"}}}}}})",
                               round, i));
    }
    ns_->kubectl({"delete", "featureflag", "f1"});
    ns_->apply_flag("f1");
    ns_->apply_flag(fmt::format("new{}", round));
    EXPECT_TRUE(agrees());
    EXPECT_TRUE(reflector_->state().problem.ok()) << to_string(reflector_->state().problem);
  }
  EXPECT_FALSE(seen_.went_back());
  EXPECT_EQ(seen_.lists(), 1) << "silence is no reason to list";
  EXPECT_GE(proxy_->count(0, [](const auto& request) { return request.watches(); }), 3U);
}

TEST_F(AReflector, IsToldOfADeletionThatItMissed) {
  ns_->apply_flag("stays");
  ns_->apply_flag("goes");
  start();
  ASSERT_TRUE(agrees());
  // No stream comes through while it happens, and the server forgets the versions of before.
  proxy_->add_rule(R"({"path":"watch=1","status":503})");
  proxy_->cut_streams();
  ns_->kubectl({"delete", "featureflag", "goes"});
  ns_->forget_versions_of_flags();
  EXPECT_EQ(seen_.lists(), 1);
  proxy_->remove_rules();
  EXPECT_TRUE(agrees());
  EXPECT_FALSE(seen_.versions().contains("goes"));
  EXPECT_EQ(seen_.lists(), 2);
}

}  // namespace
}  // namespace ripcord
