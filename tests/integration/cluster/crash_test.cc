// SPDX-License-Identifier: Apache-2.0
// The process dies around each of its writes to the API server.
#include "tests/integration/cluster/running_on_cluster.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using nlohmann::json;

constexpr const char* kOurWrites =
    R"("method":"PUT|POST|PATCH|DELETE","path":"^/apis/ripcord.dev/")";

struct Outcome {
  std::string end;
  std::size_t writes = 0;  // of objects of ours
  bool died = false;
};

bool is_ready(const ClusterNamespace& ns, const std::string& path) {
  const json object = json::parse(ns.request("GET", path).body);
  const json status = object.value("status", json::object());
  if (status.value("observedGeneration", -1) != object["metadata"]["generation"].get<int>()) {
    return false;
  }
  for (const json& condition : status.value("conditions", json::array())) {
    if (condition["type"] == "Ready") {
      return condition["status"] == "True";
    }
  }
  return false;
}

class WithACrash {
 public:
  // Dies around write number `at`: "before" it is sent or "after" it is done. Never without `when`.
  WithACrash(std::size_t at, const std::string& when)
      : proxy_(ClusterNamespace::plane(), plain_client()),
        replica_(proxy_.kubeconfig(ClusterNamespace::plane().token()), ns_.name(),
                 {"--no-leader-elect"}) {
    if (!when.empty()) {
      proxy_.add_rule(fmt::format(R"({{{},"skip":{},"times":1,"when":"{}","kill":{}}})", kOurWrites,
                                  at, when, replica_.pid()));
    }
  }

  Outcome go() {
    ns_.apply_flag("checkout");
    ns_.apply(migration_manifest("shop", database_, 2));
    await_ready();
    ns_.patch("featureflag/checkout", R"({"spec":{"override":{"enabled":false,"reason":"why"}}})");
    ns_.patch("migrationversion/shop", R"({"spec":{"version":1}})");
    await_ready();
    if (!eventually([&] {
          keep_running();  // the last write may be of a status that is Ready
          return replica_.flag("checkout") == "false";
        })) {
      throw std::runtime_error("the flag is not served: " + replica_.log());
    }
    outcome_.end =
        ns_.state_of("featureflag") + ns_.state_of("migrationversion") +
        sqlite(database_,
               "select what from runs; select * from schema_migrations; select name from "
               "sqlite_master order by name");
    for (std::size_t at = 0; (at = outcome_.end.find(database_, at)) != std::string::npos;) {
      outcome_.end.replace(at, database_.size(), "DATABASE");
    }
    outcome_.writes = proxy_.count(0, [](const auto& request) {
      return request.writes() && request.path.starts_with("/apis/ripcord.dev/");
    });
    return outcome_;
  }

 private:
  void keep_running() {
    if (!replica_.running()) {
      outcome_.died = true;
      replica_.start();
    }
  }
  void await_ready() {
    const bool ready = eventually([&] {
      keep_running();
      return is_ready(ns_, "featureflags/checkout") && is_ready(ns_, "migrationversions/shop");
    });
    if (!ready) {
      throw std::runtime_error("not ready: " + ns_.state_of("migrationversion") + replica_.log());
    }
  }

  const ClusterNamespace ns_;
  const TempDir directory_;
  const std::string database_ = directory_ / "app.db";
  FaultProxy proxy_;
  RunningOnCluster replica_;
  Outcome outcome_;
};

class ACrash : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { REQUIRE_CONTROL_PLANE(); }
};

TEST_P(ACrash, AroundAnyWriteLeadsToTheSameEndAsNone) {
  static const Outcome undisturbed = WithACrash(0, "").go();
  ASSERT_FALSE(undisturbed.died);
  ASSERT_GE(undisturbed.writes, 4U);
  for (std::size_t at = 0; at < undisturbed.writes; ++at) {
    SCOPED_TRACE(fmt::format("killed {} write {}", GetParam(), at + 1));
    const Outcome run = WithACrash(at, GetParam()).go();
    EXPECT_EQ(run.end, undisturbed.end);
    // How many writes there are depends on what is coalesced; the last may not come.
    EXPECT_TRUE(run.died || at + 2 >= undisturbed.writes);
  }
}

INSTANTIATE_TEST_SUITE_P(Cluster, ACrash, testing::Values("before", "after"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace ripcord
