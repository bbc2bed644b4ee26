// SPDX-License-Identifier: Apache-2.0
// What users of the CRDs get from a real API server and kubectl.
#include "controller/codec/json_reader.h"
#include "tests/integration/crds/crd_server.h"
#include "tests/support/crds/schema.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using codec::Node;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

std::string manifest(Kind kind, const std::string& name, const std::string& spec) {
  return R"({"apiVersion":"ripcord.dev/v1alpha1","kind":")" + std::string(to_string(kind)) +
         R"(","metadata":{"name":")" + name + R"("},"spec":)" + spec + "}";
}

std::string minimal(Kind kind, const std::string& name) {
  switch (kind) {
    case Kind::kFeatureFlag:
      return manifest(kind, name, R"({"key":"new_checkout"})");
    case Kind::kTrafficTarget:
      return manifest(kind, name,
                      R"({"environments":[{"name":"blue","address":"b:1"}],"active":"blue"})");
    case Kind::kMigrationVersion:
      return manifest(kind, name,
                      R"({"database":{"urlFrom":{"env":"A"}},"source":{"directory":"d"}})");
    case Kind::kRestoreRequest:
      return manifest(
          kind, name,
          R"({"database":{"urlFrom":{"env":"A"}},"backup":"b","catalog":{"directory":"d"}})");
  }
  return "";
}

TEST(ServedCrds, AreEstablishedAndTheServerHasNothingToComplainOf) {
  REQUIRE_CONTROL_PLANE();
  EXPECT_THAT(crd_server().applied(), Not(HasSubstr("Warning")));
  for (const Kind kind : kAllKinds) {
    const ApiReply reply =
        crd_server().get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/" +
                         std::string(plural(kind)) + ".ripcord.dev");
    ASSERT_EQ(reply.code, 200);
    std::map<std::string, std::string> conditions;
    for (const Node& condition : field_at(field_at(reply.body, "status"), "conditions").items) {
      conditions[field_at(condition, "type").text] = field_at(condition, "status").text;
    }
    EXPECT_EQ(conditions, (std::map<std::string, std::string>{{"Established", "True"},
                                                              {"NamesAccepted", "True"}}));
  }
}

TEST(ServedCrds, ANewObjectHasItsDefaultsAndDoesNotLookObserved) {
  REQUIRE_CONTROL_PLANE();
  const std::vector<Crd> crds = load_crds();
  for (const Kind kind : kAllKinds) {
    const ApiReply reply = crd_server().post(kind, minimal(kind, "fresh"));
    ASSERT_EQ(reply.code, 201) << reply.text;
    EXPECT_EQ(codec::to_json(field_at(reply.body, "status")), R"({"observedGeneration":-1})");
    const Crd& crd = crds.at(static_cast<std::size_t>(kind));
    const codec::JsonValue written = codec::read_json(minimal(kind, "fresh"), {1, 1}, {});
    const Node filled = with_schema_defaults(crd.schema(), *written.root);
    EXPECT_TRUE(codec::same_value(field_at(reply.body, "spec"), field_at(filled, "spec")))
        << reply.text;
  }
}

TEST(ServedCrds, TakeEveryFieldOfStatusAndNoOther) {
  REQUIRE_CONTROL_PLANE();
  for (const Crd& crd : load_crds()) {
    ASSERT_EQ(crd_server().post(crd.kind, minimal(crd.kind, "reported")).code, 201);
    const Node* status = crd.schema().find("properties")->find("status");
    const std::string sample = codec::to_json(full_sample(*status));
    const ApiReply taken =
        crd_server().merge_patch(crd.kind, "reported/status", R"({"status":)" + sample + "}");
    EXPECT_EQ(taken.code, 200) << taken.text;
    EXPECT_TRUE(codec::same_value(field_at(taken.body, "status"), full_sample(*status)))
        << taken.text;
    const ApiReply refused =
        crd_server().merge_patch(crd.kind, "reported/status", R"({"status":{"anything":1}})");
    EXPECT_EQ(refused.code, 422) << refused.text;
    EXPECT_THAT(refused.fields(), Contains("status.anything"));
  }
}

TEST(ServedCrds, ARestoreThatHasCompletedCannotBePointedElsewhere) {
  REQUIRE_CONTROL_PLANE();
  const Kind kind = Kind::kRestoreRequest;
  ASSERT_EQ(crd_server().post(kind, minimal(kind, "once")).code, 201);
  const auto patch = [&](const std::string& json) {
    return crd_server().merge_patch(kind, "once", json);
  };
  EXPECT_EQ(patch(R"({"spec":{"backup":"c"}})").code, 200);
  ASSERT_EQ(
      crd_server().merge_patch(kind, "once/status", R"({"status":{"phase":"Completed"}})").code,
      200);
  for (const auto& [field, json] : std::vector<std::pair<std::string, std::string>>{
           {"spec.backup", R"({"spec":{"backup":"d"}})"},
           {"spec.mode", R"({"spec":{"mode":"Drill"}})"},
           {"spec.database", R"({"spec":{"database":{"urlFrom":{"env":"B"}}}})"}}) {
    const ApiReply reply = patch(json);
    EXPECT_EQ(reply.code, 422) << reply.text;
    EXPECT_THAT(reply.fields(), Contains(field)) << reply.text;
  }
  EXPECT_EQ(patch(R"({"spec":{"keepPrevious":"1h","suspend":true}})").code, 200);
}

TEST(ServedCrds, KubectlRefusesAnUnknownFieldAndNamesIt) {
  REQUIRE_CONTROL_PLANE();
  const std::string good = minimal(Kind::kFeatureFlag, "by-kubectl");
  EXPECT_EQ(crd_server()
                .plane()
                .kubectl({"apply", "--dry-run=server", "--validate=strict", "-f", "-"}, good)
                .exit_code,
            0);
  const RunResult refused = crd_server().plane().kubectl(
      {"apply", "--dry-run=server", "--validate=strict", "-f", "-"},
      manifest(Kind::kFeatureFlag, "by-kubectl", R"({"enabeld":true})"));
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.err, HasSubstr("unknown field \"spec.enabeld\""));
}

TEST(ServedCrds, KubectlExplainsEveryField) {
  REQUIRE_CONTROL_PLANE();
  const ControlPlane& plane = crd_server().plane();
  EXPECT_THAT(plane.must_kubectl({"explain", "rff.spec.override.until"}),
              AllOf(HasSubstr("RFC 3339"), HasSubstr("2030-01-01T00:00:00Z")));
  const std::string all = plane.must_kubectl({"explain", "rtt", "--recursive"});
  for (const char* field : {"environments", "haproxy", "maxFailures", "driftRepairs"}) {
    EXPECT_THAT(all, HasSubstr(field));
  }
  for (const Kind kind : kAllKinds) {
    EXPECT_THAT(plane.must_kubectl({"explain", std::string(plural(kind)) + ".spec"}),
                Not(HasSubstr("<no description>")));
  }
}

TEST(ServedCrds, KubectlGetTellsWhatIsLiveAndWhy) {
  REQUIRE_CONTROL_PLANE();
  const Kind kind = Kind::kTrafficTarget;
  ASSERT_EQ(crd_server().post(kind, minimal(kind, "shop")).code, 201);
  const ApiReply written = crd_server().merge_patch(kind, "shop/status", R"({"status":{
    "observedGeneration":1,"active":"blue","weights":{"blue":100},"overridden":true,
    "conditions":[{"type":"Ready","status":"True","reason":"Overridden","message":"INC-231, by alice",
                   "observedGeneration":1,"lastTransitionTime":"2024-01-15T12:00:00Z"}],
    "history":[{"from":"green","to":"blue","trigger":"Override","startedAt":"2024-01-15T12:00:00Z",
                "completedAt":"2024-01-15T12:00:01Z","durationSeconds":0.2,"result":"Succeeded"}]}})");
  ASSERT_EQ(written.code, 200) << written.text;
  const ControlPlane& plane = crd_server().plane();
  const std::string table = plane.must_kubectl({"get", "rtt", "shop", "-o", "wide"});
  for (const char* text : {"ACTIVE", "OVERRIDDEN", "SINCE", "REASON", "blue", R"({"blue":100})",
                           "true", "Override", "INC-231, by alice"}) {
    EXPECT_THAT(table, HasSubstr(text));
  }
  EXPECT_THAT(plane.must_kubectl({"get", "ripcord", "-o", "name"}),
              HasSubstr("traffictarget.ripcord.dev/shop"));
  EXPECT_EQ(plane.must_kubectl({"get", "rtt", "--field-selector",
                                "status.active=blue,status.overridden=true", "-o", "name"}),
            "traffictarget.ripcord.dev/shop\n");
  plane.must_kubectl({"wait", "--for=condition=Ready", "rtt/shop", "--timeout=5s"});
}

}  // namespace
}  // namespace ripcord
