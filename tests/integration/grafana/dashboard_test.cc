// SPDX-License-Identifier: Apache-2.0
// manifests/grafana/dashboard.json and rules.yaml against a Prometheus that scraped real rollbacks.
// Variables are put in as Grafana puts them in.

#include "tests/integration/cluster/running_on_cluster.h"
#include "tests/integration/grafana/incident.h"
#include "tests/integration/grafana/scraping_prometheus.h"
#include "tests/support/paths/paths.h"

#include <algorithm>
#include <regex>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using nlohmann::json;
using testing::IsEmpty;

const std::string kFolder = source_dir() + "/manifests/grafana/";

using Variables = std::map<std::string, std::string>;

std::string substituted(std::string text, const Variables& variables) {
  for (const auto& [name, value] : variables) {
    for (const std::string& form : {"${" + name + "}", "$" + name}) {
      for (std::size_t at = text.find(form); at != std::string::npos;
           at = text.find(form, at + value.size())) {
        text.replace(at, form.size(), value);
      }
    }
  }
  return text;
}

class DashboardTest : public testing::Test {
 protected:
  // The incident twice, so that every counter has moved between two scrapes; and, where there is an
  // API server, a controller of a cluster beside it.
  static void SetUpTestSuite() {
    incident_ = new Incident();
    std::vector<std::uint16_t> targets = {incident_->ripcord().metrics_port()};
    if (!ControlPlane::why_unavailable()) {
      shop_ = new ClusterNamespace();
      shop_->apply_flag("checkout");
      on_cluster_ = new RunningOnCluster(ClusterNamespace::plane().kubeconfig(), shop_->name());
      shop_->await_ready("featureflag/checkout");
      targets.push_back(on_cluster_->metrics_port());
    }
    prometheus_ = new ScrapingPrometheus(targets, kFolder + "rules.yaml");
    incident_->take_back();
    await("count(count by (strategy) (ripcord_rollbacks_total > 0)) == 4");
    incident_->release();
    incident_->take_back();
    await("min(sum by (strategy) (ripcord_rollbacks_total)) >= 2");
  }
  static void TearDownTestSuite() {
    delete prometheus_;
    delete on_cluster_;
    delete shop_;
    delete incident_;
  }
  static void await(const std::string& expression) {
    json last;
    ASSERT_TRUE(eventually([&] {
      last = prometheus_->query(expression);
      return has_number(last);
    })) << expression
        << " " << last << incident_->ripcord().metrics();
  }
  // "All" of every variable: its values as (a|b), or its allValue.
  Variables all_values(std::map<std::string, std::vector<std::string>>& values) const {
    Variables variables = {{"__rate_interval", "300s"}, {"__range", "600s"}, {"__interval", "60s"}};
    for (const json& variable : dashboard_["templating"]["list"]) {
      if (variable["type"] != "query") {
        continue;
      }
      const std::string name = variable["name"];
      const std::string query = variable["query"]["query"];
      std::smatch parts;
      EXPECT_TRUE(std::regex_match(query, parts, std::regex(R"(label_values\((.*), (\w+)\))")))
          << query;
      values[name] = prometheus_->label_values(parts[2], substituted(parts[1], variables));
      EXPECT_THAT(values[name], Not(IsEmpty())) << "variable " << name << ": " << query;
      std::string joined;
      for (const std::string& value : values[name]) {
        joined += (joined.empty() ? "" : "|") + value;
      }
      variables[name] =
          variable["allValue"].is_string() ? std::string(variable["allValue"]) : "(" + joined + ")";
    }
    return variables;
  }

  const json dashboard_ = json::parse(read_file(kFolder + "dashboard.json"));
  static inline Incident* incident_ = nullptr;
  static inline ClusterNamespace* shop_ = nullptr;
  static inline RunningOnCluster* on_cluster_ = nullptr;
  static inline ScrapingPrometheus* prometheus_ = nullptr;
};

struct Expression {
  std::string panel;
  std::string text;
};

std::vector<Expression> expressions_of(
    const json& dashboard, const Variables& all,
    const std::map<std::string, std::vector<std::string>>& values) {
  std::vector<Expression> expressions;
  const auto take = [&](const json& panel, const Variables& variables) {
    for (const json& target : panel.value("targets", json::array())) {
      expressions.push_back(
          {substituted(panel["title"], variables), substituted(target["expr"], variables)});
    }
  };
  for (const json& panel : dashboard["panels"]) {
    const std::string repeat = panel.value("repeat", "");
    if (repeat.empty()) {
      take(panel, all);
      continue;
    }
    for (const std::string& value : values.at(repeat)) {
      Variables one = all;
      one[repeat] = value;
      take(panel, one);
    }
  }
  return expressions;
}

TEST_F(DashboardTest, ShowsDataInEveryPanel) {
  REQUIRE_CONTROL_PLANE();
  std::map<std::string, std::vector<std::string>> values;
  const Variables variables = all_values(values);
  EXPECT_EQ(values["kind"].size(), 4U);
  const std::vector<Expression> expressions = expressions_of(dashboard_, variables, values);
  ASSERT_GT(expressions.size(), 25U);
  for (const Expression& expression : expressions) {
    EXPECT_EQ(expression.text.find('$'), std::string::npos) << expression.text;
    json result;
    EXPECT_TRUE(eventually(
        [&] {
          result = prometheus_->query(expression.text);
          return has_number(result);
        },
        std::chrono::seconds(20)))
        << "panel \"" << expression.panel << "\": " << expression.text << "\n"
        << result.dump();
  }
}

TEST_F(DashboardTest, AnnotatesRollbacksWithAnExpressionThatParses) {
  std::map<std::string, std::vector<std::string>> values;
  const Variables variables = all_values(values);
  int checked = 0;
  for (const json& annotation : dashboard_["annotations"]["list"]) {
    if (annotation.contains("expr")) {
      ++checked;
      const json result = prometheus_->query(substituted(annotation["expr"], variables));
      EXPECT_TRUE(result.is_array()) << result;
    }
  }
  EXPECT_EQ(checked, 1);
}

TEST_F(DashboardTest, TellsWhatIsOverriddenNow) {
  const json result = prometheus_->query(
      "count by (strategy) (ripcord_object_state{state=\"overridden\",namespace=\"default\"})");
  std::set<std::string> overridden;
  for (const json& series : result) {
    overridden.insert(series["metric"]["strategy"].get<std::string>());
  }
  EXPECT_THAT(overridden,
              testing::ElementsAre("feature_flag", "migration_version", "traffic_target"));
}

TEST_F(DashboardTest, UsesEveryPanelIdOnceAndOverlapsNone) {
  std::set<int> ids;
  std::set<std::pair<int, int>> cells;
  for (const json& panel : dashboard_["panels"]) {
    EXPECT_TRUE(ids.insert(panel["id"].get<int>()).second) << panel["title"];
    const json& grid = panel["gridPos"];
    for (int x = grid["x"]; x < grid["x"].get<int>() + grid["w"].get<int>(); ++x) {
      for (int y = grid["y"]; y < grid["y"].get<int>() + grid["h"].get<int>(); ++y) {
        EXPECT_LT(x, 24);
        ASSERT_TRUE(cells.emplace(x, y).second) << panel["title"] << " overlaps another panel";
      }
    }
  }
}

TEST_F(DashboardTest, LoadsEveryAlertAndEvaluatesItWithoutAnError) {
  const std::string text = read_file(kFolder + "rules.yaml");
  const std::regex alert("- alert: (\\w+)");
  std::set<std::string> declared;
  for (std::sregex_iterator at(text.begin(), text.end(), alert), end; at != end; ++at) {
    declared.insert((*at)[1]);
  }
  ASSERT_GT(declared.size(), 15U);
  for (const std::string& name : declared) {
    json rule;
    EXPECT_TRUE(eventually([&] {
      rule = prometheus_->alerts()[name];
      return rule.is_object() && rule["health"] == "ok";
    })) << name
        << ": " << rule;
    EXPECT_TRUE(prometheus_->query(rule["query"]).is_array()) << name;
  }
}

TEST_F(DashboardTest, HoldsTheAlertsThatTheIncidentDeserves) {
  // Pending: the incident is younger than their `for`.
  for (const char* name : {"RipcordOverrideOld", "RipcordObjectStalled"}) {
    EXPECT_TRUE(eventually([&] { return prometheus_->alerts()[name]["state"] == "pending"; }))
        << prometheus_->alerts()[name];
  }
  for (const char* name : {"RipcordDown", "RipcordNoLeader", "RipcordTwoLeaders",
                           "RipcordRollbackFailed", "RipcordReconcilePanic"}) {
    EXPECT_EQ(prometheus_->alerts()[name]["state"], "inactive") << prometheus_->alerts()[name];
  }
}

}  // namespace
}  // namespace ripcord
