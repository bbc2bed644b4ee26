// SPDX-License-Identifier: Apache-2.0
#include "controller/model/validation.h"

#include "tests/support/status_matchers.h"

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using std::chrono::hours;

Resource valid(Kind kind) {
  Resource object = make_resource(kind, "a");
  if (auto* flag = std::get_if<FeatureFlagSpec>(&object.spec)) {
    flag->key = "a";
    flag->variants = {{"on", "true"}, {"off", "false"}};
    flag->default_variant = "on";
    flag->off_variant = "off";
  } else if (auto* traffic = std::get_if<TrafficTargetSpec>(&object.spec)) {
    traffic->environments = {{"blue", {"127.0.0.1:1"}, {}}, {"green", {"web.svc:65535"}, {}}};
    traffic->active = "blue";
    traffic->router.haproxy = HaproxyRouter{"/run/h.sock", "shop", ""};
    traffic->verification.url = "https://[::1]:8080/x?y=z";
  } else if (auto* migration = std::get_if<MigrationVersionSpec>(&object.spec)) {
    migration->database.url_env = "URL";
    migration->source.directory = "m";
  } else if (auto* restore = std::get_if<RestoreRequestSpec>(&object.spec)) {
    restore->database = {Engine::kSqlite, "", "", "", "shop.db"};
    restore->backup = "b";
    restore->catalog_directory = "c";
  }
  return object;
}

std::vector<std::string> paths(const Resource& object) {
  std::vector<std::string> out;
  for (const FieldError& error : validate(object)) {
    out.push_back(error.path);
  }
  return out;
}

template <class Spec>
std::vector<std::string> paths_after(Kind kind, const std::function<void(Spec&)>& change) {
  Resource object = valid(kind);
  change(std::get<Spec>(object.spec));
  return paths(object);
}

template <class Spec>
struct Rule {
  std::string name;
  std::function<void(Spec&)> change;
  std::string path;  // of the only error; empty = none
};

template <class Spec>
void check_rules(Kind kind, const std::vector<Rule<Spec>>& rules) {
  for (const Rule<Spec>& rule : rules) {
    const std::vector<std::string> expected =
        rule.path.empty() ? std::vector<std::string>{} : std::vector<std::string>{rule.path};
    EXPECT_EQ(paths_after<Spec>(kind, rule.change), expected) << rule.name;
  }
}

TEST(Validation, TakesAValidObjectOfEachKind) {
  for (const Kind kind : kAllKinds) {
    EXPECT_OK(validation_status(valid(kind)));
  }
}

TEST(Validation, SaysEverythingThatIsWrongInOneStatus) {
  Resource object = valid(Kind::kFeatureFlag);
  object.meta.name = "Bad_Name";
  std::get<FeatureFlagSpec>(object.spec).default_variant = "gone";
  const Status status = validation_status(object);
  EXPECT_CODE(status, StatusCode::kInvalidArgument);
  EXPECT_EQ(status.reason(), "Invalid");
  EXPECT_THAT(status.message(), testing::AllOf(testing::HasSubstr("metadata.name"),
                                               testing::HasSubstr("spec.defaultVariant")));
}

TEST(Validation, KnowsDnsSubdomains) {
  for (const char* name : {"a", "1", "a-b", "a.b", "a--b", "new-checkout.v2", "0.0"}) {
    EXPECT_TRUE(is_dns_subdomain(name)) << name;
  }
  for (const char* name : {"", "-", ".", "a-", "-a", ".a", "a.", "a..b", "a.-b", "a-.b", "A", "a_b",
                           "a b", "ä", "a/b"}) {
    EXPECT_FALSE(is_dns_subdomain(name)) << name;
  }
  EXPECT_TRUE(is_dns_subdomain(std::string(253, 'a')));
  EXPECT_FALSE(is_dns_subdomain(std::string(254, 'a')));
}

TEST(Validation, OfMetadata) {
  Resource object = valid(Kind::kFeatureFlag);
  object.meta.ns = "a.b";
  object.meta.labels["long"] = std::string(64, 'x');
  object.meta.finalizers.assign(17, "x/y");
  EXPECT_THAT(paths(object), testing::ElementsAre("metadata.namespace", "metadata.labels.long",
                                                  "metadata.finalizers"));
}

TEST(Validation, OfAFeatureFlag) {
  using S = FeatureFlagSpec;
  check_rules<S>(Kind::kFeatureFlag,
                 {{"longest key", [](S& s) { s.key = std::string(512, 'x'); }, ""},
                  {"key too long", [](S& s) { s.key = std::string(513, 'x'); }, "spec.key"},
                  {"key with NUL", [](S& s) { s.key = std::string("a\0b", 3); }, "spec.key"},
                  {"any text", [](S& s) { s.key = "Ünï/∂ \n"; }, ""},
                  {"no key", [](S& s) { s.key = ""; }, "spec.key"},
                  {"no variants", [](S& s) { s.variants.clear(); }, "spec.variants"},
                  {"two types", [](S& s) { s.variants["on"] = "\"x\""; }, "spec.variants.on"},
                  {"list",
                   [](S& s) {
                     s.variants = {{"on", "[]"}};
                     s.off_variant = "on";
                   },
                   "spec.variants.on"},
                  {"numbers of two forms",
                   [](S& s) {
                     s.variants = {{"on", "1"}, {"off", "-1.5"}};
                   },
                   ""},
                  {"no such off variant", [](S& s) { s.off_variant = "x"; }, "spec.offVariant"},
                  {"empty targeting", [](S& s) { s.targeting = "{}"; }, ""},
                  {"targeting", [](S& s) { s.targeting = R"({"if":[]})"; }, "spec.targeting"},
                  {"empty override", [](S& s) { s.override.emplace(); }, "spec.override"},
                  {"override of variant", [](S& s) { s.override.emplace().variant = "off"; }, ""},
                  {"no such variant", [](S& s) { s.override.emplace().variant = "x"; },
                   "spec.override.variant"},
                  {"reason too long",
                   [](S& s) {
                     s.override.emplace().enabled = false;
                     s.override->reason = std::string(1025, 'x');
                   },
                   "spec.override.reason"}});
}

TEST(Validation, OfATrafficTarget) {
  using S = TrafficTargetSpec;
  const auto weights = [](TrafficWeights w) {
    return [w](S& s) {
      s.active = "";
      s.weights = w;
    };
  };
  const auto address = [](std::string a) {
    return [a](S& s) { s.environments[0].addresses = {a}; };
  };
  const std::string at = "spec.environments[0].address";
  check_rules<S>(
      Kind::kTrafficTarget,
      {{"weights", weights({{"blue", 90}, {"green", 10}}), ""},
       {"sum", weights({{"blue", 90}, {"green", 9}}), "spec.weights"},
       {"unknown", weights({{"blue", 90}, {"red", 10}}), "spec.weights.red"},
       {"both",
        [](S& s) {
          s.weights = {{"blue", 100}};
        },
        "spec.active"},
       {"neither", [](S& s) { s.active = ""; }, "spec.active"},
       {"unknown active", [](S& s) { s.active = "red"; }, "spec.active"},
       {"unknown override", [](S& s) { s.override.emplace().active = "red"; },
        "spec.override.active"},
       {"same name", [](S& s) { s.environments[1].name = "blue"; }, "spec.environments[1].name"},
       {"no address", [](S& s) { s.environments[0].addresses.clear(); }, at},
       {"no port", address("h"), at},
       {"port 0", address("h:0"), at},
       {"port 65536", address("h:65536"), at},
       {"port text", address("h:+1"), at},
       {"no host", address(":1"), at},
       {"IPv6", address("[::1]:1"), ""},
       {"command", address("h;show:1"), at},
       {"line", address("h\nshow:1"), at},
       {"window 0", [](S& s) { s.verification.window = Duration::zero(); }, ""},
       {"window", [](S& s) { s.verification.window = hours(2); }, "spec.verification.window"},
       {"interval", [](S& s) { s.verification.interval = Duration::zero(); },
        "spec.verification.interval"},
       {"credentials", [](S& s) { s.verification.url = "http://u:p@h/"; }, "spec.verification.url"},
       {"no scheme", [](S& s) { s.verification.url = "h/"; }, "spec.verification.url"},
       {"state file", [](S& s) { s.router.haproxy->state_file = "/a;b"; },
        "spec.router.haproxy.stateFile"},
       {"long socket", [](S& s) { s.router.haproxy->socket = "/" + std::string(107, 'x'); },
        "spec.router.haproxy.socket"}});
  EXPECT_EQ(paths_after<S>(Kind::kTrafficTarget, weights({{"blue", 101}, {"green", -1}})),
            (std::vector<std::string>{"spec.weights.blue", "spec.weights.green"}));
}

TEST(Validation, LetsNoNameCarryACommandToHaproxy) {
  for (const char bad : std::string("; \n\r\t/\\#\"'$|&<>(){}[]*?!,=@%\x7f") + '\0') {
    const std::string name = std::string("a") + bad;
    EXPECT_EQ(
        paths_after<TrafficTargetSpec>(
            Kind::kTrafficTarget, [&](TrafficTargetSpec& s) { s.router.haproxy->backend = name; }),
        std::vector<std::string>{"spec.router.haproxy.backend"})
        << static_cast<int>(bad);
    EXPECT_EQ(
        paths_after<TrafficTargetSpec>(
            Kind::kTrafficTarget, [&](TrafficTargetSpec& s) { s.environments[1].name = name; }),
        std::vector<std::string>{"spec.environments[1].name"})
        << static_cast<int>(bad);
  }
}

TEST(Validation, OfAMigrationVersion) {
  using S = MigrationVersionSpec;
  static constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
  const auto url = [](std::string u) {
    return [u](S& s) { s.database = {Engine::kPostgreSql, u, "", "", ""}; };
  };
  const std::string at = "spec.database.url";
  check_rules<S>(
      Kind::kMigrationVersion,
      {{"zero", [](S& s) { s.version = 0; }, ""},
       {"largest", [](S& s) { s.version = kLargest; }, ""},
       {"negative", [](S& s) { s.version = -1; }, "spec.version"},
       {"approval",
        [](S& s) {
          s.approval = MigrationApproval{-1, "", false};
        },
        "spec.approval.version"},
       {"reason of an approval",
        [](S& s) {
          s.approval = MigrationApproval{1, "", false, std::string(2000, 'r')};
        },
        "spec.approval.reason"},
       {"user", url("postgres://app@h/d"), ""},
       {"password", url("postgres://app:p@h/d"), at},
       {"password with @", url("postgres://app:p@q@h/d"), at},
       {"password with /", url("postgres://app:p/q@h/d"), at},
       {"password parameter", url("postgresql://h/d?sslmode=x&password=p"), at},
       {"no password", url("postgresql://h:5432/d?sslmode=require"), ""},
       {"other scheme", url("mysql://h/d"), at},
       {"two urls", [](S& s) { s.database.url_file = "f"; }, "spec.database"},
       {"variable", [](S& s) { s.database.url_env = "1A"; }, "spec.database.urlFrom.env"},
       {"no source", [](S& s) { s.source.directory = ""; }, "spec.source"},
       {"lock timeout", [](S& s) { s.policy.lock_timeout = Duration::zero(); },
        "spec.policy.lockTimeout"},
       {"negative timeout", [](S& s) { s.policy.statement_timeout = Duration(-1); },
        "spec.policy.statementTimeout"},
       {"simulation",
        [](S& s) {
          s.database = {Engine::kSimulation, "", "", "", "shop"};
        },
        ""},
       {"SQLite without path",
        [](S& s) {
          s.database = {Engine::kSqlite, "", "", "", ""};
        },
        "spec.database.path"},
       {"SQLite with url",
        [](S& s) {
          s.database = {Engine::kSqlite, "postgres://h", "", "", "p"};
        },
        at}});
}

TEST(Validation, OfARestoreRequest) {
  using S = RestoreRequestSpec;
  for (const char* name :
       {"", ".", "..", "../x", "a/b", "/a", "a\\b", "a..b", ".hidden", "-rf", "a b", "a\n"}) {
    EXPECT_EQ(paths_after<S>(Kind::kRestoreRequest, [&](S& s) { s.backup = name; }),
              std::vector<std::string>{"spec.backup"})
        << name;
  }
  check_rules<S>(Kind::kRestoreRequest,
                 {{"dots", [](S& s) { s.backup = "users_2024.01.15.dump"; }, ""},
                  {"another backup approved",
                   [](S& s) {
                     s.approval = RestoreApproval{"other", "bob"};
                   },
                   ""},
                  {"no catalog", [](S& s) { s.catalog_directory = ""; }, "spec.catalog.directory"},
                  {"simulated",
                   [](S& s) {
                     s.catalog_directory = "";
                     s.database.engine = Engine::kSimulation;
                   },
                   ""},
                  {"keep", [](S& s) { s.keep_previous = Duration(-1); }, "spec.keepPrevious"},
                  {"rows", [](S& s) { s.verification.min_rows = -1; }, "spec.verification.minRows"},
                  {"query",
                   [](S& s) {
                     s.verification.queries = {{"select 1", 1, 2}};
                   },
                   ""},
                  {"order",
                   [](S& s) {
                     s.verification.queries = {{"select 1", 2, 1}};
                   },
                   "spec.verification.queries[0].min"},
                  {"no bound",
                   [](S& s) {
                     s.verification.queries = {{"select 1", {}, {}}};
                   },
                   "spec.verification.queries[0]"},
                  {"no sql",
                   [](S& s) {
                     s.verification.queries = {{"", 1, {}}};
                   },
                   "spec.verification.queries[0].sql"}});
}

TEST(Validation, NeverRepeatsAUrl) {
  Resource object = valid(Kind::kMigrationVersion);
  std::get<MigrationVersionSpec>(object.spec).database = {
      Engine::kPostgreSql, "postgres://app:hunter2@secret-host/d", "x", "", "y"};
  EXPECT_THAT(validation_status(object).message(),
              testing::Not(testing::AnyOf(testing::HasSubstr("hunter2"),
                                          testing::HasSubstr("secret-host"))));
}

}  // namespace
}  // namespace ripcord
