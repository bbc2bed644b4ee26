// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/contract.h"

#include "controller/model/transition_state.h"
#include "controller/policy/migration_phase.h"
#include "controller/policy/old_shape.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const WallTime kStart = WallTime(hours(24 * 365 * 50));

SqlStatement adding(std::string text = "ALTER TABLE users ADD COLUMN IF NOT EXISTS address text") {
  SqlStatement statement{std::move(text), 1, false, DataEffect::kLossless};
  statement.effects.additive = true;
  return statement;
}
SqlStatement dropping(const std::string& column = "email") {
  SqlStatement statement{"ALTER TABLE users DROP COLUMN " + column, 1, false, DataEffect::kLossy};
  statement.effects.loses = {{DataLoss::What::kColumn, "users", column}};
  statement.effects.breaks_previous = "it reads and writes users." + column;
  statement.effects.only_drops = true;
  return statement;
}
SqlStatement neutral() {
  SqlStatement statement{"SET lock_timeout = '1s'", 1, false, DataEffect::kLossless};
  statement.effects.neutral = true;
  return statement;
}

// Version 6 was applied at kStart; 7, which drops a column, is pending, and 8 behind it.
struct World {
  MigrationVersionSpec spec;
  SchemaState state;
  std::vector<TransitionStatus> transitions;
  std::optional<UsedApproval> used;
  std::optional<WatchedCalls> watched;
  std::string not_watched;
  WallTime now = kStart;
  MigrationPath path;

  World() {
    spec.policy.contract_soak = hours(48);
    state.version = 6;
    AppliedMigration six{6, "add_address", "undo", "", "", 5};
    six.applied_at = kStart;
    state.applied = {six};
    path.from = 6;
    path.target = 8;
    add(7, {dropping()}, MigrationPhase::kContract);
    add(8, {adding()}, MigrationPhase::kExpand);
  }
  MigrationMove& add(std::int64_t version, std::vector<SqlStatement> statements,
                     std::optional<MigrationPhase> phase) {
    MigrationMove move;
    move.step.migration.version = version;
    move.step.migration.up = "...";
    move.step.statements = std::move(statements);
    move.step.version_after = version;
    move.origin = fmt::format("{}.up.sql", version);
    move.phase = phase;
    path.moves.push_back(std::move(move));
    return path.moves.back();
  }
  MigrationPath held() const {
    MigrationPath result = path;
    hold_contracts(spec, {state, transitions, used, watched, not_watched, now}, result);
    return result;
  }
  std::string reason() const {
    const MigrationPath result = held();
    return result.hold ? result.hold->reason : result.waits ? result.waits->reason : "";
  }
  std::string message() const {
    const MigrationPath result = held();
    return result.hold ? result.hold->message : result.waits ? result.waits->message : "";
  }
  void approve(std::int64_t version) { spec.approval = MigrationApproval{version, "alice"}; }
};

TEST(MigrationPhase, IsWhatTheScriptDeclares) {
  EXPECT_EQ(*declared_phase({{"Expand", 3}}), MigrationPhase::kExpand);
  EXPECT_EQ(*declared_phase({{"Contract", 1}, {"Contract", 9}}), MigrationPhase::kContract);
  EXPECT_EQ(*declared_phase({}), std::nullopt);
}

TEST(MigrationPhase, RefusesAnotherWordWithItsLine) {
  const auto wrong = declared_phase({{"expand", 3}});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().reason(), "BadPhase");
  EXPECT_THAT(wrong.error().message(), HasSubstr("line 3"));
  EXPECT_THAT(wrong.error().message(), HasSubstr("`-- ripcord:phase Expand`"));
  EXPECT_FALSE(declared_phase({{"Expand", 1}, {"Contract", 2}}));
}

TEST(MigrationPhase, IsInferredFromWhatTheStatementsDo) {
  SqlStatement changing{"ALTER TABLE t ALTER a SET DEFAULT 1", 1, false, DataEffect::kLossless};
  SqlStatement renaming = changing;
  renaming.effects.breaks_previous = "it knows t by that name";
  EXPECT_EQ(inferred_phase({adding(), neutral()}), MigrationPhase::kExpand);
  EXPECT_EQ(inferred_phase({adding(), dropping()}), MigrationPhase::kContract);
  EXPECT_EQ(inferred_phase({renaming}), MigrationPhase::kContract);
  EXPECT_EQ(inferred_phase({adding(), changing}), std::nullopt);
  EXPECT_EQ(inferred_phase({neutral()}), std::nullopt);
  EXPECT_EQ(inferred_phase({}), std::nullopt);
}

TEST(MigrationPhase, HoldsADeclaredExpandToItsWord) {
  EXPECT_EQ(expand_fault({neutral(), adding()}), std::nullopt);
  SqlStatement drop = dropping();
  drop.line = 4;
  const auto lossy = expand_fault({adding(), drop});
  ASSERT_TRUE(lossy);
  EXPECT_EQ(lossy->reason, "NotAdditive");
  EXPECT_EQ(lossy->line, 4);
  EXPECT_THAT(lossy->message, HasSubstr("column users.email"));
  SqlStatement once = adding("CREATE TABLE t ()");
  once.effects.once = "write CREATE TABLE IF NOT EXISTS";
  const auto twice = expand_fault({once});
  ASSERT_TRUE(twice);
  EXPECT_EQ(twice->reason, "NotIdempotent");
  EXPECT_THAT(twice->message, HasSubstr("write CREATE TABLE IF NOT EXISTS"));
}

TEST(ContractPolicy, SoaksSinceTheTransitionsThatEndWithItWereDone) {
  World w;
  w.approve(7);
  Transition ends, other;
  ends.name = "address";
  ends.contract = 7;
  other.name = "name";
  other.contract = 8;
  w.spec.transitions = {ends, other};
  TransitionStatus complete;
  complete.name = "address";
  complete.phase = TransitionPhase::kComplete;
  w.transitions = {complete};
  const auto finished = [](const Transition& transition, WallTime at) {
    return FinishedTransition{transition.name, at, work_digest(transition),
                              validation_digest(transition)};
  };
  w.state.finished_transitions = {finished(ends, kStart + hours(30)),
                                  finished(other, kStart + hours(90))};
  w.now = kStart + hours(30 + 48) - minutes(1);
  EXPECT_EQ(w.reason(), "ContractSoak");
  EXPECT_EQ(w.held().hold->until, kStart + hours(30 + 48));
  EXPECT_THAT(w.message(), HasSubstr("and the transitions that end with it were done"));
  w.now += minutes(1);
  EXPECT_NE(w.reason(), "ContractSoak") << "the other transition ends with another contract";
  w.now = kStart + hours(48);
  w.state.finished_transitions = {finished(ends, kStart - hours(30))};
  EXPECT_NE(w.reason(), "ContractSoak") << "version 6 was the later one";
  w.spec.transitions[0].validations.push_back({.query = "SELECT 0", .max = 0});
  EXPECT_EQ(w.reason(), "TransitionNotComplete") << "what is declared now was not seen to hold";
  EXPECT_THAT(w.message(), HasSubstr("declared otherwise"));
}

TEST(ContractPolicy, RefusesADeclaredExpandThatIsNoneBeforeAnythingRuns) {
  World w;
  w.now += hours(100);
  w.approve(7);
  w.path.moves[1].declared = true;
  w.path.moves[1].step.statements[0].effects.once = "write ... IF NOT EXISTS";
  ASSERT_TRUE(w.held().hold);
  EXPECT_EQ(w.held().hold->reason, "NotIdempotent");
  EXPECT_THAT(w.held().hold->message, HasSubstr("8.up.sql:1: "));
}

TEST(ContractPolicy, HoldsUntilTheSoakIsOverAndSaysWhen) {
  World w;
  w.now = kStart + hours(47);
  const MigrationPath path = w.held();
  EXPECT_THAT(path.moves, IsEmpty());
  EXPECT_EQ(path.waiting.size(), 2U) << "what comes behind waits too";
  ASSERT_TRUE(path.hold);
  EXPECT_EQ(path.hold->reason, "ContractSoak");
  EXPECT_EQ(path.hold->until, kStart + hours(48));
  EXPECT_THAT(path.hold->message, HasSubstr("spec.approval: {version: 7"));
  w.now = kStart + hours(48);
  EXPECT_EQ(w.reason(), "ApprovalRequired");
}

TEST(ContractPolicy, RunsWhatLiesBelowFirst) {
  World w;
  w.path.moves.clear();
  w.state.version = 5;
  w.path.from = 5;
  w.add(6, {adding()}, MigrationPhase::kExpand);
  w.add(7, {dropping()}, MigrationPhase::kContract);
  w.now += hours(100);
  w.approve(7);
  const MigrationPath path = w.held();
  ASSERT_EQ(path.moves.size(), 1U);
  EXPECT_EQ(path.ends_at(), 6);
  EXPECT_FALSE(path.hold);
  ASSERT_TRUE(path.waits);
  EXPECT_EQ(path.waits->reason, "ContractSoak");
  EXPECT_THAT(path.waits->message, HasSubstr("48h0m0s after version 6 is applied"));
  EXPECT_FALSE(path.uses_approval) << "the approval of 7 opens nothing yet";
}

TEST(ContractPolicy, RunsWithAnApprovalOfExactlyItsVersion) {
  World w;
  w.now += hours(48);
  w.approve(8);
  EXPECT_EQ(w.reason(), "ApprovalRequired");
  EXPECT_THAT(w.message(), HasSubstr("names version 8 and opens nothing"));
  EXPECT_THAT(w.message(), HasSubstr("column users.email"));
  EXPECT_THAT(w.message(), HasSubstr("put aside"));
  w.approve(7);
  const MigrationPath path = w.held();
  EXPECT_FALSE(path.hold);
  EXPECT_FALSE(path.waits);
  EXPECT_TRUE(path.uses_approval);
  ASSERT_EQ(path.moves.size(), 2U);
  EXPECT_TRUE(path.moves[0].step.put_aside);
  EXPECT_FALSE(path.moves[1].step.put_aside);
  w.used = UsedApproval{*w.spec.approval, kStart};
  EXPECT_EQ(w.reason(), "ApprovalRequired") << "used up by an earlier run";
}

TEST(ContractPolicy, AnOverrideOpensNoContract) {
  World w;
  w.now += hours(100);
  w.path.trigger = Trigger::kOverride;
  EXPECT_EQ(w.reason(), "ApprovalRequired");
}

TEST(ContractPolicy, WithoutASoakAnInferredContractRunsAndADeclaredOneNeedsItsApproval) {
  World w;
  w.spec.policy.contract_soak = Duration::zero();
  EXPECT_EQ(w.reason(), "");
  EXPECT_FALSE(w.held().moves[0].step.put_aside);
  w.path.moves[0].declared = true;
  EXPECT_EQ(w.reason(), "ApprovalRequired");
  w.approve(7);
  EXPECT_EQ(w.reason(), "");
}

TEST(ContractPolicy, WaitsForEachTransitionThatEndsWithIt) {
  World w;
  w.spec.policy.contract_soak = Duration::zero();
  Transition email;
  email.name = "email";
  email.expand = 6;
  email.contract = 7;
  w.spec.transitions = {email};
  EXPECT_EQ(w.reason(), "TransitionNotComplete");
  EXPECT_THAT(w.message(), HasSubstr("email, which was not looked at yet"));
  w.transitions.push_back(
      {.name = "email", .phase = TransitionPhase::kFailed, .message = "3 rows"});
  EXPECT_THAT(w.message(), HasSubstr("Failed: 3 rows"));
  w.transitions[0].phase = TransitionPhase::kComplete;
  EXPECT_EQ(w.reason(), "");
}

TEST(ContractPolicy, GoesOnWithWhatBeganEarlierWithoutAskingAgain) {
  World w;
  w.path.moves[0].resumed = true;
  EXPECT_EQ(w.reason(), "");
}

TEST(ContractPolicy, TellsWhenNobodyKnowsHowLongTheVersionBelowIsThere) {
  World w;
  w.state.applied[0].applied_at.reset();
  EXPECT_EQ(w.reason(), "ApprovalRequired");
  EXPECT_THAT(w.message(), HasSubstr("When version 6 was applied is not known"));
}

TEST(ContractPolicy, HoldsWhileTheOldShapeIsRead) {
  World w;
  w.now = kStart + hours(48);
  w.approve(7);
  w.watched = WatchedCalls{"column users.email", "", w.now - hours(2), w.now, {}};
  EXPECT_EQ(w.reason(), "");
  w.watched->statements.push_back(
      {{"1", "SELECT email FROM users", 12}, w.now - minutes(10), 5, w.now - minutes(20)});
  EXPECT_EQ(w.reason(), "OldShapeRead");
  EXPECT_THAT(w.message(), HasSubstr("`SELECT email FROM users` (5 calls between"));
  EXPECT_EQ(w.held().hold->until, w.now + minutes(50));
  w.now += minutes(50);
  EXPECT_EQ(w.reason(), "");
}

TEST(ContractPolicy, WatchesForAWhileBeforeItBelievesThatNobodyReads) {
  World w;
  w.now = kStart + hours(48);
  w.approve(7);
  w.watched = WatchedCalls{"column users.email", "", w.now, w.now, {}};
  EXPECT_EQ(w.reason(), "ObservingOldShape");
  EXPECT_EQ(w.held().hold->until, w.now + hours(1));
  w.spec.policy.contract_soak = minutes(5);
  EXPECT_EQ(w.held().hold->until, w.now + minutes(5)) << "no longer than the soak";
}

TEST(ContractPolicy, SaysWhenReadersCouldNotBeCounted) {
  World w;
  w.now = kStart + hours(48);
  w.not_watched = "the extension pg_stat_statements is not in this database";
  EXPECT_EQ(w.reason(), "ApprovalRequired");
  EXPECT_THAT(w.message(), HasSubstr("was not looked at: the extension pg_stat_statements"));
}

TEST(ContractPolicy, PutsAsideOnlyWhatDoesNothingButDrop) {
  World w;
  MigrationMove& seven = w.path.moves[0];
  seven.step.statements = {neutral(), dropping("a"), dropping("b")};
  EXPECT_TRUE(can_put_aside(w.spec, seven).possible);
  seven.cannot_rename = "users.a belongs to a primary key";
  EXPECT_EQ(can_put_aside(w.spec, seven).why_not, "users.a belongs to a primary key");
  seven.cannot_rename.clear();
  seven.step.statements.push_back(adding());
  seven.step.statements.back().line = 3;
  EXPECT_THAT(can_put_aside(w.spec, seven).why_not, HasSubstr("line 3 does more than"));
  seven.step.statements = {dropping()};
  seven.step.migration.up = without_transaction("x");
  EXPECT_THAT(can_put_aside(w.spec, seven).why_not, HasSubstr("without a transaction"));
  seven.step.migration.up = "x";
  SqlStatement table = dropping();
  table.effects.loses = {{DataLoss::What::kTable, "users"}};
  seven.step.statements = {dropping(), table};
  EXPECT_THAT(can_put_aside(w.spec, seven).why_not, HasSubstr("a table and a column of it"));
}

TEST(ContractPolicy, SaysInTheApprovalThatWhatCannotBePutAsideIsGoneAtOnce) {
  World w;
  w.now += hours(48);
  w.path.moves[0].cannot_rename = "users.email belongs to a unique index";
  EXPECT_THAT(w.message(), HasSubstr("It is gone at once: users.email belongs to a unique index"));
}

KeptTombstone tombstone(std::int64_t version, WallTime made) {
  KeptTombstone kept;
  kept.version = version;
  kept.what = "column users.email";
  kept.name = fmt::format("users.zz_ripcord_{}_email", version);
  kept.made_at = made;
  return kept;
}

TEST(DueTombstones, GoOneSoakAfterTheyWereMade) {
  World w;
  w.state.version = 9;
  w.path.target = 9;
  w.path.moves.clear();
  w.state.tombstones = {tombstone(7, kStart), tombstone(7, kStart),
                        tombstone(9, kStart + hours(5))};
  const auto due = [&](WallTime now) { return due_tombstones(w.spec, w.state, w.path, now); };
  EXPECT_THAT(due(kStart + hours(47)).versions, IsEmpty());
  EXPECT_EQ(due(kStart + hours(47)).next, kStart + hours(48));
  EXPECT_THAT(due(kStart + hours(48)).versions, ElementsAre(7));
  EXPECT_EQ(due(kStart + hours(48)).next, kStart + hours(53));
  w.path.target = 6;
  EXPECT_THAT(due(kStart + hours(99)).versions, IsEmpty()) << "the way back still needs them";
  w.path.target = 9;
  w.spec.policy.contract_soak = Duration::zero();
  EXPECT_THAT(due(kStart + hours(9999)).versions, IsEmpty()) << "nobody says how long any more";
  w.state.tombstones[0].gone = true;
  EXPECT_THAT(due(kStart).versions, ElementsAre(7)) << "dropped by hand: its undo is no rename";
}

CallCounts counts(std::int64_t calls, std::string epoch = "e1") {
  return {{{"1", "SELECT email FROM users", calls}}, std::move(epoch), ""};
}

TEST(OldShape, IsQuietFromTheFirstLookOn) {
  const WatchedCalls first = look_again(std::nullopt, counts(10), "email", kStart);
  EXPECT_EQ(quiet_since(first), kStart);
  const WatchedCalls second = look_again(first, counts(10), "email", kStart + hours(1));
  EXPECT_EQ(quiet_since(second), kStart);
  EXPECT_EQ(readers_after(second, kStart), "");
}

TEST(OldShape, WasReadUpToTheLookThatFindsMoreCalls) {
  WatchedCalls watched = look_again(std::nullopt, counts(10), "email", kStart);
  watched = look_again(watched, counts(13), "email", kStart + hours(1));
  EXPECT_EQ(quiet_since(watched), kStart + hours(1));
  EXPECT_THAT(readers_after(watched, kStart), HasSubstr("3 calls between"));
  watched = look_again(watched, counts(13), "email", kStart + hours(2));
  EXPECT_EQ(quiet_since(watched), kStart + hours(1));
  EXPECT_THAT(readers_after(watched, kStart), HasSubstr("3 calls")) << "still known";
  EXPECT_EQ(readers_after(watched, kStart + hours(1)), "");
}

TEST(OldShape, CountsAStatementThatIsNewAndOneThatBeganAnew) {
  const WatchedCalls none = look_again(std::nullopt, {{}, "e1", ""}, "email", kStart);
  EXPECT_EQ(quiet_since(look_again(none, counts(1), "email", kStart + hours(1))),
            kStart + hours(1));
  const WatchedCalls many = look_again(std::nullopt, counts(100), "email", kStart);
  EXPECT_EQ(quiet_since(look_again(many, counts(2), "email", kStart + hours(1))),
            kStart + hours(1));
}

TEST(OldShape, KeepsAReaderThatTheDatabaseHasForgotten) {
  WatchedCalls watched = look_again(std::nullopt, counts(10), "email", kStart);
  watched = look_again(watched, counts(11), "email", kStart + hours(1));
  watched = look_again(watched, {{}, "e1", ""}, "email", kStart + hours(2));
  EXPECT_EQ(quiet_since(watched), kStart + hours(1));
  EXPECT_EQ(quiet_since(look_again(watched, counts(1), "email", kStart + hours(3))),
            kStart + hours(3));
}

TEST(OldShape, IsWatchedInEveryStatementHoweverMany) {
  const auto many = [](std::int64_t calls_of_the_last) {
    CallCounts counted{{}, "e1", ""};
    for (int id = 0; id < 1000; ++id) {
      counted.statements.push_back({std::to_string(id), "SELECT email FROM users", 2000 - id});
    }
    counted.statements.push_back({"last", "SELECT email FROM users", calls_of_the_last});
    return counted;
  };
  WatchedCalls watched = look_again(std::nullopt, many(1), "email", kStart);
  watched = look_again(watched, many(2), "email", kStart + hours(1));
  EXPECT_EQ(quiet_since(watched), kStart + hours(1));
}

TEST(OldShape, IsWatchedFromTheStartForAnotherSubjectAndAfterAReset) {
  const WatchedCalls first = look_again(std::nullopt, counts(10), "email", kStart);
  EXPECT_EQ(quiet_since(look_again(first, counts(10), "name", kStart + hours(1))),
            kStart + hours(1));
  EXPECT_EQ(quiet_since(look_again(first, counts(0, "e2"), "email", kStart + hours(1))),
            kStart + hours(1));
}

TEST(SchemaRangePolicy, HoldsEveryWayThatLeadsOutAnOverrideToo) {
  MigrationVersionSpec spec;
  SchemaState state;
  state.version = 6;
  state.applied = {{5, "five", "undo", "", "", 4}, {6, "six", "undo", "", "", 5}};
  const auto hold = [&] { return migration_path(spec, state, {}, kStart).hold; };
  spec.schema_range = SchemaRange{6, 7};
  spec.version = 6;
  EXPECT_FALSE(hold());
  spec.override.emplace().version = 5;
  ASSERT_TRUE(hold());
  EXPECT_EQ(hold()->reason, "OutsideSchemaRange");
  EXPECT_THAT(hold()->message, HasSubstr("version 5 is outside spec.schemaRange (6 to 7)"));
  spec.schema_range->min = 5;
  EXPECT_FALSE(hold());
}

}  // namespace
}  // namespace ripcord
