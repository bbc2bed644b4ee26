// SPDX-License-Identifier: Apache-2.0
// The process dies around each of its writes to the API server.
#include "tests/integration/cluster/running_on_cluster.h"

#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using nlohmann::json;

// Of objects of ours, and of the ConfigMap that a flag is written to.
constexpr const char* kOurWrites =
    R"("method":"PUT|POST|PATCH|DELETE","path":"^/apis/ripcord.dev/|/configmaps")";

bool is_ours(const SeenRequest& request) {
  return request.writes() && (request.path.starts_with("/apis/ripcord.dev/") ||
                              request.path.find("/configmaps") != std::string::npos);
}

constexpr const char* kFlag = R"(apiVersion: ripcord.dev/v1alpha1
kind: FeatureFlag
metadata: {name: checkout}
spec: {enabled: true, sinks: [{configMap: {name: shop-flags, key: flags.json}}]}
)";

struct Outcome {
  std::string end;
  std::size_t writes = 0;
  bool died = false;
};

bool is_so(const ClusterNamespace& ns, const std::string& path, const std::string& type) {
  const json object = json::parse(ns.request("GET", path).body);
  const json status = object.value("status", json::object());
  if (status.value("observedGeneration", -1) != object["metadata"]["generation"].get<int>()) {
    return false;
  }
  for (const json& condition : status.value("conditions", json::array())) {
    if (condition["type"] == type) {
      return condition["status"] == "True" &&
             condition["observedGeneration"] == object["metadata"]["generation"];
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
    sqlite(orders_, "create table orders (id int); insert into orders values (1)");
    sqlite(orders_, ".backup " + directory_ / "monday.db");
    sqlite(orders_, "insert into orders values (2)");
    ns_.apply(kFlag);
    ns_.apply(migration_manifest("shop", database_, 2));
    await({{"featureflags/checkout", "SinksWritten"}, {"migrationversions/shop", "Ready"}});
    ns_.patch("featureflag/checkout", R"({"spec":{"override":{"enabled":false,"reason":"why"}}})");
    ns_.patch("migrationversion/shop", R"({"spec":{"version":1}})");
    ns_.apply(fmt::format(R"(apiVersion: ripcord.dev/v1alpha1
kind: RestoreRequest
metadata: {{name: undo}}
spec:
  database: {{engine: SQLite, path: {}}}
  backup: monday
  catalog: {{directory: {}}}
  approval: {{backup: monday, by: alice}}
)",
                          orders_, directory_.path().string()));
    await({{"featureflags/checkout", "SinksWritten"},
           {"migrationversions/shop", "Ready"},
           {"restorerequests/undo", "Ready"}});
    if (!eventually([&] {
          keep_running();  // the last write may be of a status that is Ready
          return replica_.flag("checkout") == "false";
        })) {
      throw std::runtime_error("the flag is not served: " + replica_.log());
    }
    outcome_.end = seen();
    outcome_.writes = proxy_.count(0, is_ours);
    return outcome_;
  }

 private:
  void keep_running() {
    if (!replica_.running()) {
      outcome_.died = true;
      replica_.start();
    }
  }
  void await(const std::vector<std::pair<std::string, std::string>>& conditions) {
    const bool there = eventually([&] {
      keep_running();
      return std::ranges::all_of(conditions, [&](const auto& condition) {
        return is_so(ns_, condition.first, condition.second);
      });
    });
    if (!there) {
      throw std::runtime_error(seen() + replica_.log());
    }
  }
  // Of the objects, the ConfigMap, the databases and the files beside them; without what differs
  // between two runs.
  std::string seen() const {
    std::string all;
    for (const char* kind : {"featureflag", "migrationversion", "restorerequest"}) {
      all += ns_.state_of(kind);
    }
    all += ns_.kubectl({"get", "configmap", "shop-flags", "-o", "jsonpath={.data}"});
    all += sqlite(database_,
                  "select what from runs; select * from schema_migrations; select name from "
                  "sqlite_master order by name");
    all += sqlite(orders_, "select id from orders order by id");
    std::set<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
      files.insert(entry.path().filename());
    }
    all += fmt::format("{}", fmt::join(files, " "));
    const std::pair<std::string, const char*> varying[] = {
        {directory_.path().string(), "DIRECTORY"},
        {"-[0-9a-f]{8}\\b", "-UID"},
        {"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]+Z", "TIME"},
        // What a crash interrupted is done anew, and both are on record.
        {"\"durations\": \\[[^\\]]*\\]", "DURATIONS"}};
    for (const auto& [what, with] : varying) {
      all = std::regex_replace(all, std::regex(what), with);
    }
    return all;
  }

  const ClusterNamespace ns_;
  const TempDir directory_;
  const std::string database_ = directory_ / "app.db";
  const std::string orders_ = directory_ / "orders.db";
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
  ASSERT_GE(undisturbed.writes, 9U);
  for (const char* part :
       {"\"Restored\"", "orders.db.before-UID", "\\\"defaultVariant\\\": \\\"off\\\""}) {
    EXPECT_THAT(undisturbed.end, testing::HasSubstr(part));
  }
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
