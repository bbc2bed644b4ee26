// SPDX-License-Identifier: Apache-2.0
#include "adapters/stdio/message_adapter.h"

#include "tests/support/status_matchers.h"
#include "tests/unit/stdio/scripted_controller.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord::stdio {
namespace {

using std::chrono::milliseconds;

void ready(Resource& object, std::string to, double seconds) {
  CommonStatus& status = common(object.status);
  HistoryEntry entry;
  entry.to = std::move(to);
  entry.completed_at = WallTime{};
  entry.duration_seconds = seconds;
  entry.result = "Succeeded";
  status.remember(entry);
  status.conditions.set_ready("Done", "done", object.meta.generation, WallTime{});
}

void stalled(Resource& object, std::string reason, std::string message) {
  common(object.status)
      .conditions.set_stalled(std::move(reason), std::move(message), object.meta.generation,
                              WallTime{});
}

// A controller that does what is wanted, at once and without failing.
void obey(Resource& object) {
  if (auto* flag = std::get_if<FeatureFlagSpec>(&object.spec)) {
    auto& status = std::get<FeatureFlagStatus>(object.status);
    status.enabled = flag->override ? *flag->override->enabled : flag->enabled;
    ready(object, status.enabled ? "on" : "off", 0.01);
  } else if (auto* target = std::get_if<TrafficTargetSpec>(&object.spec)) {
    auto& status = std::get<TrafficTargetStatus>(object.status);
    status.active = target->override ? target->override->active : target->active;
    status.weights = {{status.active, 100}};
    status.last_switch = SwitchReport{"", status.active, 0.25, 0.125, 1, 0, {}};
    ready(object, status.active, 0.25);
  } else if (auto* migration = std::get_if<MigrationVersionSpec>(&object.spec)) {
    auto& status = std::get<MigrationVersionStatus>(object.status);
    status.version = migration->override ? migration->override->version : migration->version;
    ready(object, fmt::format("{}", *status.version), 5);
  } else {
    auto& status = std::get<RestoreRequestStatus>(object.status);
    status.phase = RestorePhase::kCompleted;
    status.restored_rows = 42;
    ready(object, "restored", 60.5);
  }
}

DatabaseRef database() {
  DatabaseRef ref;
  ref.engine = Engine::kSimulation;
  ref.path = "shop";
  return ref;
}

FeatureFlagSpec flag(std::string key) {
  FeatureFlagSpec spec;
  spec.key = std::move(key);
  spec.variants = {{"on", "true"}, {"off", "false"}};
  spec.default_variant = "on";
  spec.off_variant = "off";
  return spec;
}

RestoreRequestSpec restore(std::string backup) {
  RestoreRequestSpec spec;
  spec.database = database();
  spec.backup = std::move(backup);
  return spec;
}

class MessageAdapterTest : public testing::Test {
 protected:
  std::string send(const std::string& body, const std::string& src = "") {
    if (!adapter_) {
      adapter_.emplace(store_, clock_, settings_);
    }
    const std::string text =
        src.empty() ? body : fmt::format(R"({{"src": "{}", "dest": "x", "body": {}}})", src, body);
    const Result<codec::Message> message = codec::decode_message(text);
    EXPECT_OK(message);
    return message ? adapter_->answer(*message, {}) : "";
  }
  ResourcePtr declare(Resource object) {
    const Result<ResourcePtr> made = store_.create(object);
    EXPECT_OK(made);
    return made ? *made : nullptr;
  }
  ResourcePtr only(Kind kind) {
    const Result<ObjectList> list = store_.list(kind, std::nullopt);
    EXPECT_TRUE(list && list->items.size() == 1);
    return list && !list->items.empty() ? list->items.front() : nullptr;
  }
  void declare_migration(std::int64_t version, const std::string& name = "shop") {
    Resource object = make_resource(Kind::kMigrationVersion, name);
    auto& spec = std::get<MigrationVersionSpec>(object.spec);
    spec.database = database();
    spec.source.directory = "shop";
    spec.version = version;
    declare(object);
  }
  void declare_traffic(const std::string& name = "shop") {
    Resource object = make_resource(Kind::kTrafficTarget, name);
    auto& spec = std::get<TrafficTargetSpec>(object.spec);
    spec.environments = {{"blue", {"b:1"}, {}}, {"green", {"g:1"}, {}}};
    spec.active = "green";
    declare(object);
  }

  MessageSettings settings_;
  SystemClock clock_;
  ScriptedController store_{clock_, obey};
  std::optional<MessageAdapter> adapter_;
};

TEST_F(MessageAdapterTest, RollsBackToTheVersionBelow) {
  declare_migration(3);
  EXPECT_EQ(send(R"({"type": "rollback", "msg_id": 1, "version": 3})", "admin"),
            R"({"type": "rollback_complete", "in_reply_to": 1, "rolled_back_from": 3, )"
            R"("rolled_back_to": 2, "duration_seconds": 5})");
  const auto& spec = std::get<MigrationVersionSpec>(only(Kind::kMigrationVersion)->spec);
  ASSERT_TRUE(spec.override);
  EXPECT_EQ(spec.override->version, 2);
  EXPECT_EQ(spec.override->by, "admin");
  EXPECT_EQ(spec.override->reason, "rollback message 1");
  EXPECT_EQ(spec.version, 3);
}

TEST_F(MessageAdapterTest, RefusesToRollBackFromAVersionThatTheDatabaseIsNotAt) {
  declare_migration(3);
  const int before = store_.changes();
  EXPECT_EQ(send(R"({"type": "rollback", "msg_id": 1, "version": 5})"),
            R"({"type": "error", "in_reply_to": 1, "code": 22, "text": )"
            R"("cannot roll back from version 5: the database is at version 3"})");
  EXPECT_EQ(store_.changes(), before);
}

TEST_F(MessageAdapterTest, ARepeatedMessageGetsTheSameReplyAndChangesNothing) {
  declare_migration(3);
  const std::string body = R"({"type": "rollback", "msg_id": 1, "version": 3})";
  const std::string reply = send(body, "admin");
  const int before = store_.changes();
  EXPECT_EQ(send(body, "admin"), reply);
  EXPECT_EQ(store_.changes(), before);
  // Another sender's message with the same number is another message.
  EXPECT_NE(send(body, "other").find("\"code\": 22"), std::string::npos);
}

TEST_F(MessageAdapterTest, AsksWhichDatabaseIsMeant) {
  declare_migration(3, "a");
  declare_migration(3, "b");
  EXPECT_NE(send(R"({"type": "rollback", "msg_id": 1, "version": 3})")
                .find(R"("code": 12, "text": "field name is missing: there are several)"),
            std::string::npos);
  EXPECT_NE(
      send(R"({"type": "rollback", "msg_id": 2, "version": 3, "name": "c"})")
          .find(R"("code": 20, "text": "no MigrationVersion has the name \"c\"; there are: a, b")"),
      std::string::npos);
  EXPECT_NE(send(R"({"type": "rollback", "msg_id": 3, "version": 3, "name": "b"})")
                .find("rollback_complete"),
            std::string::npos);
}

TEST_F(MessageAdapterTest, TakesBackWhatTheControllerRefuses) {
  declare_migration(3);
  store_.follow([](Resource& object) {
    if (std::get<MigrationVersionSpec>(object.spec).override) {
      stalled(object, "DataLossForbidden", "down 3 drops a column");
    } else {
      obey(object);
    }
  });
  EXPECT_EQ(send(R"({"type": "rollback", "msg_id": 1, "version": 3})"),
            R"({"type": "error", "in_reply_to": 1, "code": 22, "text": "down 3 drops a column"})");
  EXPECT_FALSE(std::get<MigrationVersionSpec>(only(Kind::kMigrationVersion)->spec).override);
}

// As while the real system does not answer.
void try_again(Resource& object) {
  common(object.status)
      .conditions.set_reconciling("Unavailable", "no connection", object.meta.generation,
                                  WallTime{});
}

TEST_F(MessageAdapterTest, AChangeThatIsNotVerifiedInTimeStaysWanted) {
  declare_migration(3);
  settings_.patience = milliseconds(50);
  store_.follow([](Resource& object) {
    std::get<MigrationVersionSpec>(object.spec).override ? try_again(object) : obey(object);
  });
  const std::string reply = send(R"({"type": "rollback", "msg_id": 1, "version": 3})");
  EXPECT_NE(reply.find(R"("code": 0, )"), std::string::npos) << reply;
  EXPECT_NE(reply.find("no connection. The change stays wanted"), std::string::npos) << reply;
  EXPECT_TRUE(std::get<MigrationVersionSpec>(only(Kind::kMigrationVersion)->spec).override);
}

TEST_F(MessageAdapterTest, RollsBackFromWhatTheDatabaseSaysNowAndNotFromTheLastStatus) {
  Result<std::optional<std::int64_t>> now = std::optional<std::int64_t>(2);
  settings_.schema_version = [&now](const Resource&) { return now; };
  declare_migration(3);
  std::string reply = send(R"({"type": "rollback", "msg_id": 1, "version": 3})");
  EXPECT_NE(reply.find(R"("code": 22, )"), std::string::npos) << reply;
  EXPECT_NE(reply.find("the database is at version 2"), std::string::npos) << reply;
  now = std::optional<std::int64_t>();
  reply = send(R"({"type": "rollback", "msg_id": 2, "version": 3})");
  EXPECT_NE(reply.find("the database is at no version"), std::string::npos) << reply;
  now = error(StatusCode::kUnavailable, "no connection");
  reply = send(R"({"type": "rollback", "msg_id": 3, "version": 3})");
  EXPECT_NE(reply.find(R"("code": 11, "text": "no connection")"), std::string::npos) << reply;
  EXPECT_FALSE(std::get<MigrationVersionSpec>(only(Kind::kMigrationVersion)->spec).override);
  now = std::optional<std::int64_t>(5);
  reply = send(R"({"type": "rollback", "msg_id": 4, "version": 5})");
  EXPECT_NE(reply.find(R"("rolled_back_from": 5, "rolled_back_to": 4)"), std::string::npos)
      << reply;
}

TEST_F(MessageAdapterTest, NothingIsChangedWhileTheRealSystemCannotBeSeen) {
  store_.follow(try_again);
  declare_migration(3);
  settings_.patience = milliseconds(50);
  const std::string reply = send(R"({"type": "rollback", "msg_id": 1, "version": 3})");
  EXPECT_NE(reply.find(R"("code": 11, )"), std::string::npos) << reply;
  EXPECT_NE(reply.find("no connection. Nothing was changed"), std::string::npos) << reply;
  EXPECT_FALSE(std::get<MigrationVersionSpec>(only(Kind::kMigrationVersion)->spec).override);
}

TEST_F(MessageAdapterTest, DisablesTheFlagThatHasTheKey) {
  Resource object = make_resource(Kind::kFeatureFlag, "checkout");
  object.spec = flag("new_checkout");
  declare(object);
  EXPECT_EQ(send(R"({"type": "disable_feature", "msg_id": 1, "feature": "new_checkout"})"),
            R"({"type": "feature_disabled", "in_reply_to": 1, "feature": "new_checkout", )"
            R"("rolled_back_instant": true})");
  EXPECT_EQ(only(Kind::kFeatureFlag)->meta.name, "checkout");
}

TEST_F(MessageAdapterTest, DoesNotKnowAFlagThatNobodyDeclared) {
  EXPECT_EQ(send(R"({"type": "disable_feature", "msg_id": 1, "feature": "x"})"),
            R"({"type": "error", "in_reply_to": 1, "code": 20, "text": )"
            R"("no FeatureFlag has the key \"x\"; declare it first"})");
}

TEST_F(MessageAdapterTest, ASuspendedObjectIsLeftAlone) {
  Resource object = make_resource(Kind::kFeatureFlag, "x");
  object.spec = flag("x");
  std::get<FeatureFlagSpec>(object.spec).suspend = true;
  declare(object);
  EXPECT_NE(send(R"({"type": "disable_feature", "msg_id": 1, "feature": "x"})")
                .find(R"("code": 22, "text": "FeatureFlag default/x is suspended)"),
            std::string::npos);
  EXPECT_FALSE(std::get<FeatureFlagSpec>(only(Kind::kFeatureFlag)->spec).override);
}

TEST_F(MessageAdapterTest, SwitchesTrafficAndSaysWhatItCost) {
  declare_traffic();
  EXPECT_EQ(send(R"({"type": "switch_traffic", "msg_id": 3, "from": "green", "to": "blue"})"),
            R"({"type": "traffic_switched", "in_reply_to": 3, "current_environment": "blue", )"
            R"("downtime_seconds": 0.125})");
}

TEST_F(MessageAdapterTest, TrafficIsTakenOnlyFromWhereItIs) {
  declare_traffic();
  EXPECT_EQ(send(R"({"type": "switch_traffic", "msg_id": 3, "from": "blue", "to": "green"})"),
            R"({"type": "error", "in_reply_to": 3, "code": 22, "text": "cannot switch away from )"
            R"(\"blue\": it gets no traffic; the router serves green 100%"})");
  EXPECT_EQ(send(R"({"type": "switch_traffic", "msg_id": 4, "from": "green", "to": "red"})"),
            R"({"type": "error", "in_reply_to": 4, "code": 20, "text": "no TrafficTarget has both )"
            R"x(environments \"green\" and \"red\"; there are: shop (blue, green)"})x");
}

TEST_F(MessageAdapterTest, AnUnhealthyDestinationIsAnAnswerNotAWait) {
  declare_traffic();
  store_.follow([](Resource& object) {
    ConditionSet& conditions = common(object.status).conditions;
    if (!std::get<TrafficTargetSpec>(object.spec).override) {
      obey(object);
      return;
    }
    conditions.set_reconciling("DestinationUnhealthy", "blue: HTTP 503", object.meta.generation,
                               WallTime{});
    conditions.set({"DestinationUnhealthy", ConditionState::kTrue, "DestinationUnhealthy",
                    "blue: HTTP 503", object.meta.generation, WallTime{}},
                   WallTime{});
  });
  EXPECT_EQ(send(R"({"type": "switch_traffic", "msg_id": 3, "from": "green", "to": "blue"})"),
            R"({"type": "error", "in_reply_to": 3, "code": 22, "text": "blue: HTTP 503"})");
  EXPECT_FALSE(std::get<TrafficTargetSpec>(only(Kind::kTrafficTarget)->spec).override);
}

TEST_F(MessageAdapterTest, ApprovesTheRestoreThatWaits) {
  Resource object = make_resource(Kind::kRestoreRequest, "declared");
  object.spec = restore("b1");
  declare(object);
  EXPECT_EQ(send(R"({"type": "restore", "msg_id": 4, "backup": "b1"})", "admin"),
            R"({"type": "restore_complete", "in_reply_to": 4, "restored_rows": 42, )"
            R"("duration_seconds": 60.5})");
  const auto& spec = std::get<RestoreRequestSpec>(only(Kind::kRestoreRequest)->spec);
  EXPECT_EQ(spec.approval, (RestoreApproval{"b1", "admin"}));
}

TEST_F(MessageAdapterTest, ANewMessageRestoresAgain) {
  settings_.new_restore = restore("");
  EXPECT_NE(send(R"({"type": "restore", "msg_id": 4, "backup": "b1"})").find("restore_complete"),
            std::string::npos);
  EXPECT_NE(send(R"({"type": "restore", "msg_id": 5, "backup": "b1"})").find("restore_complete"),
            std::string::npos);
  EXPECT_EQ(store_.list(Kind::kRestoreRequest, std::nullopt)->items.size(), 2U);
}

TEST_F(MessageAdapterTest, AnUnknownBackupLeavesNoRequestBehind) {
  settings_.new_restore = restore("");
  store_.follow([](Resource& object) { stalled(object, "BackupNotFound", "there are: b1, b2"); });
  EXPECT_EQ(send(R"({"type": "restore", "msg_id": 4, "backup": "b3"})"),
            R"({"type": "error", "in_reply_to": 4, "code": 20, "text": "there are: b1, b2"})");
  EXPECT_TRUE(store_.list(Kind::kRestoreRequest, std::nullopt)->items.empty());
}

TEST_F(MessageAdapterTest, SaysWhatARestoreIsMissing) {
  EXPECT_NE(send(R"({"type": "restore", "msg_id": 4, "backup": "b1"})")
                .find(R"("code": 22, "text": "no RestoreRequest says which database)"),
            std::string::npos);
}

TEST_F(MessageAdapterTest, AfterInitRepliesAreEnveloped) {
  EXPECT_EQ(send(R"({"type": "init", "msg_id": 1, "node_id": "n1", "node_ids": ["n1"]})", "c1"),
            R"({"src": "n1", "dest": "c1", "body": {"type": "init_ok", "in_reply_to": 1}})");
  EXPECT_THAT(send(R"({"type": "nope", "msg_id": 2})", "c2"),
              testing::StartsWith(R"({"src": "n1", "dest": "c2", "body": {"type": "error", "in)"));
  EXPECT_EQ(send(R"({"type": "nope", "msg_id": 2})").substr(0, 16), R"({"type": "error")");
  EXPECT_NE(send(R"({"type": "init", "msg_id": 3, "node_id": "n2"})", "c1").find("\"code\": 22"),
            std::string::npos);
}

}  // namespace
}  // namespace ripcord::stdio
