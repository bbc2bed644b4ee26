// SPDX-License-Identifier: Apache-2.0
#include "controller/base/sha256.h"
#include "controller/policy/migration_version.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Version = std::optional<std::int64_t>;

Migration file(std::int64_t version, std::optional<std::string> down = "drop it") {
  Migration m{
      version, fmt::format("m{}", version), fmt::format("up {}", version), std::move(down), "", ""};
  m.up_file = fmt::format("{}_m{}.up.sql", version, version);
  m.down_file = m.down ? fmt::format("{}_m{}.down.sql", version, version) : "";
  return m;
}

AppliedMigration record(std::int64_t version, Version previous, std::optional<std::string> down) {
  return {version,
          fmt::format("m{}", version),
          down,
          sha256_hex(fmt::format("up {}", version)),
          down ? sha256_hex(*down) : "",
          previous};
}

// Applied 1, 2, 3 by us; files 1..4 at hand.
struct World {
  MigrationVersionSpec spec;
  SchemaState state;
  std::vector<Migration> files;
  WallTime now{};
  DataEffect down_effect = DataEffect::kLossless;
  std::optional<UsedApproval> used;

  World() {
    state.version = 3;
    state.applied = {record(1, -1, "undo 1"), record(2, 1, "undo 2"), record(3, 2, "undo 3")};
    files = {file(1), file(2), file(3), file(4)};
    spec.version = 3;
  }

  MigrationPath path() const { return migration_path(spec, state, files, now); }
  MigrationDecision decide() const {
    MigrationPath found = path();
    for (MigrationMove& move : found.moves) {
      if (!move.script().empty()) {
        const bool down = move.step.direction == Direction::kDown;
        move.step.statements = {
            {move.script(), 1, false, down ? down_effect : DataEffect::kLossless}};
      }
    }
    return decide_migration(spec, found, used);
  }
  std::vector<std::string> summaries() const {
    std::vector<std::string> all;
    for (const PlannedStep& step : decide().plan.steps) {
      all.push_back(step.summary);
    }
    return all;
  }
  std::string held() const {
    const auto decision = decide();
    return decision.plan.hold ? decision.plan.hold->reason : "";
  }
  std::string why() const {
    const auto decision = decide();
    return decision.plan.hold ? decision.plan.hold->message : "";
  }
};

MigrationOverride to(std::int64_t version) {
  MigrationOverride override;
  override.version = version;
  return override;
}

TEST(MigrationPolicy, DoesNothingAtTheTarget) {
  World w;
  EXPECT_THAT(w.summaries(), IsEmpty());
  EXPECT_EQ(w.held(), "");
}

TEST(MigrationPolicy, GoesUpOneVersionAfterTheOther) {
  World w;
  w.state = {};
  w.spec.version.reset();
  EXPECT_THAT(w.summaries(), ElementsAre("up 1 m1", "up 2 m2", "up 3 m3", "up 4 m4"));
  EXPECT_EQ(w.held(), "");
  EXPECT_EQ(w.decide().steps.back().version_after, 4);
}

TEST(MigrationPolicy, TakesTheUndoFromTheDatabaseNotFromTheFile) {
  World w;
  w.spec.version = 1;
  w.spec.policy.down = DownPolicy::kAllow;
  const auto decision = w.decide();
  ASSERT_EQ(decision.steps.size(), 2U);
  EXPECT_EQ(decision.steps[0].migration.down, "undo 3");
  EXPECT_EQ(decision.steps[0].version_after, 2);
  EXPECT_EQ(decision.steps[1].version_after, 1);
  EXPECT_TRUE(decision.goes_down);
}

TEST(MigrationPolicy, GoesDownWithoutAnyFile) {
  World w;
  w.files.clear();
  w.spec.override = to(0);
  EXPECT_THAT(w.summaries(), ElementsAre("down 3 m3", "down 2 m2", "down 1 m1"));
  EXPECT_EQ(w.decide().steps.back().version_after, Version{});
  EXPECT_EQ(w.held(), "");
}

TEST(MigrationPolicy, SaysSoWhenTheUndoComesFromTheFile) {
  World w;
  w.state.applied.clear();
  w.spec.override = to(2);
  EXPECT_THAT(w.summaries(), ElementsAre(HasSubstr("from 3_m3.down.sql")));
  EXPECT_EQ(w.decide().steps[0].migration.down, "drop it");
}

TEST(MigrationPolicy, OverrideWinsUntilItExpires) {
  World w;
  w.spec.override = to(2);
  w.spec.override->until = w.now + std::chrono::seconds(1);
  EXPECT_EQ(w.path().target, 2);
  EXPECT_EQ(w.path().trigger, Trigger::kOverride);
  w.now += std::chrono::seconds(1);
  EXPECT_EQ(w.path().target, 3);
}

TEST(MigrationPolicy, LatestNeverGoesDown) {
  World w;
  w.spec.version.reset();
  w.files = {file(1), file(2)};
  EXPECT_THAT(w.summaries(), IsEmpty());
  EXPECT_THAT(w.path().drift, ElementsAre(HasSubstr("the last migration at hand is 2")));
}

TEST(MigrationPolicy, ZeroIsNothingUnlessAMigrationIsNumberedZero) {
  World w;
  w.spec.override = to(0);
  EXPECT_EQ(w.path().target, Version{});
  w.files.insert(w.files.begin(), file(0));
  w.state.applied.insert(w.state.applied.begin(), record(0, -1, "undo 0"));
  w.state.applied[1].previous = 0;
  EXPECT_EQ(w.path().target, 0);
}

struct GateCase {
  std::string name;
  DownPolicy down;
  DataLossPolicy loss;
  DataEffect effect;
  bool override;
  std::optional<MigrationApproval> approval;
  std::string held;
};

class MigrationGates : public ::testing::TestWithParam<GateCase> {};

TEST_P(MigrationGates, HoldExactlyWhatIsNotGranted) {
  const GateCase& c = GetParam();
  World w;
  w.spec.version = c.override ? 3 : 2;
  if (c.override) {
    w.spec.override = to(2);
  }
  w.spec.policy.down = c.down;
  w.spec.policy.data_loss = c.loss;
  w.spec.approval = c.approval;
  w.down_effect = c.effect;
  EXPECT_EQ(w.held(), c.held) << w.why();
}

const std::optional<MigrationApproval> kNone;
const MigrationApproval kRight{2, "a", false};
const MigrationApproval kRightWithLoss{2, "a", true};
const MigrationApproval kStale{1, "a", true};
TEST(MigrationPlan, TellsWhatEachStatementDoes) {
  World world;
  world.spec.version = 2;
  MigrationPath path = world.path();
  SqlStatement drop{"alter table users drop column email", 1, false, DataEffect::kLossy};
  drop.effects.loses = {{DataLoss::What::kColumn, "users", "email"}};
  SqlStatement call{"select purge()", 2, false, DataEffect::kUnknown};
  call.effects.unknown = "it calls purge()";
  path.moves[0].step.statements = {drop, call};
  const MigrationDecision decision = decide_migration(world.spec, path);
  EXPECT_THAT(decision.plan.steps[0].effects,
              ElementsAre("loses column users.email", "unknown: it calls purge()"));
  ASSERT_TRUE(decision.plan.hold);
  EXPECT_EQ(decision.plan.hold->reason, "DataLossForbidden");
  EXPECT_THAT(decision.plan.hold->message,
              HasSubstr("column users.email, unknown: it calls purge()"));
}

constexpr auto kSafe = DataEffect::kLossless;
constexpr auto kLossy = DataEffect::kLossy;
constexpr auto kUnknownEffect = DataEffect::kUnknown;
constexpr auto kKeep = DataLossPolicy::kForbid;
constexpr auto kMayLose = DataLossPolicy::kApprove;

INSTANTIATE_TEST_SUITE_P(
    All, MigrationGates,
    ::testing::Values(
        GateCase{"NoApproval", DownPolicy::kApprove, kKeep, kSafe, false, kNone,
                 "ApprovalRequired"},
        GateCase{"Approved", DownPolicy::kApprove, kKeep, kSafe, false, kRight, ""},
        GateCase{"Stale", DownPolicy::kApprove, kKeep, kSafe, false, kStale, "ApprovalRequired"},
        GateCase{"Allowed", DownPolicy::kAllow, kKeep, kSafe, false, kNone, ""},
        GateCase{"Forbidden", DownPolicy::kForbid, kKeep, kSafe, false, kRight, "DownForbidden"},
        GateCase{"OverrideIsItsApproval", DownPolicy::kApprove, kKeep, kSafe, true, kNone, ""},
        GateCase{"OverrideDoesNotBreakForbid", DownPolicy::kForbid, kKeep, kSafe, true, kNone,
                 "DownForbidden"},
        GateCase{"LossForbidden", DownPolicy::kAllow, kKeep, kLossy, false, kRightWithLoss,
                 "DataLossForbidden"},
        GateCase{"LossByOverrideForbidden", DownPolicy::kAllow, kKeep, kLossy, true, kNone,
                 "DataLossForbidden"},
        GateCase{"LossNeedsTheWord", DownPolicy::kAllow, kMayLose, kLossy, true, kRight,
                 "ApprovalRequired"},
        GateCase{"LossApproved", DownPolicy::kApprove, kMayLose, kLossy, true, kRightWithLoss, ""},
        GateCase{"LossStale", DownPolicy::kApprove, kMayLose, kLossy, true, kStale,
                 "ApprovalRequired"},
        GateCase{"UnknownIsNotSafe", DownPolicy::kAllow, kMayLose, kUnknownEffect, true, kNone,
                 "ApprovalRequired"}),
    [](const auto& each) { return each.param.name; });

// An approved way down to 2, with the approval that the status remembers.
World approved_to_2(std::optional<UsedApproval> used) {
  World w;
  w.spec.version = 2;
  w.spec.approval = MigrationApproval{2, "alice", false, "INC-1"};
  w.used = std::move(used);
  return w;
}

TEST(MigrationPolicy, AnApprovalThatWasUsedOpensNothingAgain) {
  const WallTime then{std::chrono::seconds(1700000000)};
  const World w = approved_to_2(UsedApproval{{2, "alice", false, "INC-1"}, then});
  EXPECT_EQ(w.held(), "ApprovalRequired");
  for (const std::string part : {"alice", "2023-11-14T22:13:20Z", "delete it", "reason"}) {
    EXPECT_THAT(w.why(), HasSubstr(part));
  }
}

TEST(MigrationPolicy, AnApprovalInUseStillOpensTheWayThatItOpened) {
  const World w = approved_to_2(UsedApproval{{2, "alice", false, "INC-1"}, std::nullopt});
  EXPECT_EQ(w.held(), "");
}

TEST(MigrationPolicy, AnApprovalThatDiffersFromTheUsedOneIsANewOne) {
  const MigrationApproval granted{2, "alice", false, "INC-1"};
  for (const MigrationApproval& used :
       {MigrationApproval{1, "alice", false, "INC-1"}, MigrationApproval{2, "bob", false, "INC-1"},
        MigrationApproval{2, "alice", true, "INC-1"}, MigrationApproval{2, "alice", false, ""}}) {
    EXPECT_NE(used, granted);
    EXPECT_EQ(approved_to_2(UsedApproval{used, WallTime{}}).held(), "");
  }
}

TEST(MigrationPolicy, AUsedApprovalOfALossOpensNoOtherLoss) {
  World w = approved_to_2(UsedApproval{kRightWithLoss, WallTime{}});
  w.spec.approval = kRightWithLoss;
  w.spec.override = to(2);
  w.spec.policy.data_loss = kMayLose;
  w.down_effect = kLossy;
  EXPECT_EQ(w.held(), "ApprovalRequired");
  EXPECT_THAT(w.why(), HasSubstr("was used"));
  w.used->used_at.reset();
  EXPECT_EQ(w.held(), "");
}

TEST(MigrationPolicy, UsesAnApprovalOnlyWhenItWouldBeHeldWithoutOne) {
  EXPECT_TRUE(approved_to_2({}).decide().uses_approval);
  World allowed = approved_to_2({});
  allowed.spec.policy.down = DownPolicy::kAllow;
  EXPECT_FALSE(allowed.decide().uses_approval);
  World overridden = approved_to_2({});
  overridden.spec.override = to(2);
  EXPECT_FALSE(overridden.decide().uses_approval);
  World up = approved_to_2({});
  up.spec.version = 4;
  EXPECT_FALSE(up.decide().uses_approval);
  World held = approved_to_2({});
  held.spec.approval->version = 1;
  EXPECT_FALSE(held.decide().uses_approval);
}

TEST(MigrationPolicy, TheHoldNamesVersionsStatementsAndTheFix) {
  World w;
  w.spec.version = 1;
  const std::string why = w.why();
  for (const std::string part : {"down 3 m3: undo 3;", "down 2 m2: undo 2;", "version: 1"}) {
    EXPECT_THAT(why, HasSubstr(part));
  }
}

TEST(MigrationPolicy, AMissingOrEmptyDownIsIrreversibleWhateverIsGranted) {
  for (const std::optional<std::string>& down : {std::optional<std::string>{}, {""}}) {
    World w;
    w.state.applied[2].down = down;
    w.files[2] = file(3, down);
    w.spec.override = to(2);
    w.spec.approval = kRightWithLoss;
    w.spec.policy = {DownPolicy::kAllow, DataLossPolicy::kApprove, {}, {}};
    EXPECT_EQ(w.held(), "Irreversible");
    EXPECT_THAT(w.why(), HasSubstr("down 3 m3"));
  }
}

TEST(MigrationPolicy, NamesTheNearestOfAnUnknownVersion) {
  for (const auto& [wanted, nearest] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {7, 4}, {std::numeric_limits<std::int64_t>::max(), 4}}) {
    World w;
    w.spec.version = wanted;
    EXPECT_EQ(w.held(), "UnknownVersion");
    EXPECT_THAT(w.why(), HasSubstr(fmt::format("nearest is {}", nearest)));
  }
}

TEST(MigrationPolicy, ReportsAChangedFileAndDoesNotRunItAgain) {
  World w;
  w.files[1].up = "something else";
  EXPECT_THAT(w.summaries(), IsEmpty());
  EXPECT_THAT(w.path().drift, ElementsAre(HasSubstr("2_m2.up.sql was changed")));
}

TEST(MigrationPolicy, HoldsUpsWhileAnOlderMigrationWasNeverApplied) {
  World w;
  w.state.applied = {record(1, -1, "undo 1"), record(3, 1, "undo 3")};
  w.spec.version = 4;
  EXPECT_EQ(w.held(), "OutOfOrder");
  EXPECT_THAT(w.why(), HasSubstr("2_m2.up.sql"));
  w.spec.version.reset();
  w.spec.override = to(1);
  EXPECT_EQ(w.held(), "");
  EXPECT_THAT(w.summaries(), ElementsAre("down 3 m3"));
  w.spec.override = to(2);
  EXPECT_EQ(w.held(), "") << "down below it, then up to it";
  EXPECT_THAT(w.summaries(), ElementsAre("down 3 m3", "up 2 m2"));
}

TEST(MigrationPolicy, TrustsAnotherToolForWhatItApplied) {
  World w;
  w.state.applied = {record(3, 2, "undo 3")};
  w.spec.version = 4;
  EXPECT_THAT(w.summaries(), ElementsAre("up 4 m4"));
  EXPECT_EQ(w.held(), "");
}

TEST(MigrationPolicy, FinishesAHalfDoneMigrationFirst) {
  World w;
  w.state.unfinished = UnfinishedMigration{4, Direction::kUp, 1, 2, "1 of 2"};
  w.spec.override = to(3);
  EXPECT_THAT(w.summaries(),
              ElementsAre("up 4 m4 (resumed)",
                          "down 4 m4 (from 4_m4.down.sql: the database has no record "
                          "of its undo)"));
  w.state.unfinished = UnfinishedMigration{3, Direction::kDown, 1, 2, "1 of 2"};
  w.spec.override.reset();
  EXPECT_THAT(w.summaries(), ElementsAre("down 3 m3 (resumed)", "up 3 m3"));
  EXPECT_EQ(w.held(), "");
}

TEST(MigrationPolicy, StopsAtADirtyDatabase) {
  World w;
  w.state.dirty = true;
  w.spec.override = to(2);
  EXPECT_EQ(w.held(), "Dirty");
  for (const std::string part :
       {"dirty at version 3: it began 3_m3.up.sql, or 4_m4.down.sql",
        "(3 when 3_m3.up.sql did, 2 when it did not at all; 3 when 4_m4.down.sql did, 4 when it "
        "did "
        "not at all)",
        "`migrate force V`", "UPDATE schema_migrations SET version = V, dirty = false"}) {
    EXPECT_THAT(w.why(), HasSubstr(part));
  }
}

TEST(MigrationPolicy, NamesWhatCanHaveBeenBegunInADirtyDatabase) {
  World w;
  w.state.dirty = true;
  w.state.version.reset();
  EXPECT_THAT(w.why(), HasSubstr("dirty at version none: it began 1_m1.down.sql, and"));
  EXPECT_THAT(w.why(), HasSubstr("(none when 1_m1.down.sql did, 1 when it did not at all)"));
  w.state.version = 4;
  EXPECT_THAT(w.why(), HasSubstr("it began 4_m4.up.sql, and"));
  w.files.clear();
  EXPECT_THAT(w.why(), HasSubstr("it began the up of 4, and"));
}

// golang-migrate may have gone down and up again, with the file as it is now, between two looks.
TEST(MigrationPolicy, AskForAnApprovalBeforeAnUndoIsRunWhoseUpWasChangedSince) {
  World w;
  w.files[2].up = "something else";
  w.spec.policy.down = DownPolicy::kAllow;
  w.spec.override = to(2);
  EXPECT_EQ(w.held(), "ApprovalRequired");
  EXPECT_THAT(w.why(), HasSubstr("down 3 m3 (its up was changed since"));
  w.spec.approval = kRight;
  EXPECT_EQ(w.held(), "");
  EXPECT_TRUE(w.decide().uses_approval);
  EXPECT_EQ(w.decide().steps[0].migration.down, "undo 3");
}

TEST(MigrationPolicy, DoesNotDoubtAnUndoWhoseUpIsTheSameOrNotAtHand) {
  World w;
  w.spec.override = to(2);
  w.files[1].up = "another file, which is not crossed";
  w.files[2].down = "another down";
  EXPECT_EQ(w.held(), "");
  w.files.clear();
  EXPECT_EQ(w.held(), "");
}

TEST(MigrationPolicy, NeedsAnUpToGoUp) {
  World w;
  w.files[3].up.reset();
  w.spec.version = 4;
  EXPECT_EQ(w.held(), "MissingUp");
}

}  // namespace
}  // namespace ripcord
