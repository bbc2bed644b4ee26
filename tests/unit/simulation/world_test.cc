// SPDX-License-Identifier: Apache-2.0
#include "adapters/simulation/world.h"

#include "adapters/simulation/flags.h"
#include "adapters/simulation/restore.h"
#include "adapters/simulation/schema.h"
#include "adapters/simulation/shipped_world.h"
#include "adapters/simulation/traffic.h"
#include "controller/codec/simulated_world.h"
#include "tests/support/status_matchers.h"

#include <gtest/gtest.h>

namespace ripcord::simulation {
namespace {

using std::chrono::seconds;

SimulatedWorldSpec shipped() {
  const Result<SimulatedWorldSpec> spec = codec::decode_simulated_world(shipped_world_yaml());
  EXPECT_OK(spec);
  return spec ? *spec : SimulatedWorldSpec{};
}

DatabaseRef database(std::string name = "shop") {
  DatabaseRef ref;
  ref.engine = Engine::kSimulation;
  ref.path = std::move(name);
  return ref;
}

TrafficTargetSpec blue_and_green() {
  TrafficTargetSpec spec;
  spec.environments = {{"blue", {"blue.simulated:8080"}, {}},
                       {"green", {"green.simulated:8080"}, {}}};
  return spec;
}

MigrationStep step(Direction direction, std::int64_t version, std::optional<std::int64_t> after) {
  return {direction, simulated_migration(version), {}, after};
}

class Simulation : public testing::Test {
 protected:
  Duration passed() const { return clock_.now() - start_; }

  SimulatedWorld world_{shipped()};
  SimulatedClock clock_;
  MonoTime start_ = clock_.now();
  SimulatedSchemaDatabases databases_{world_, clock_};
  SimulatedTrafficRouters routers_{world_, clock_};
  SimulatedRestoreDatabases restores_{world_, clock_};
  SimulatedBackupCatalog catalog_{world_};
};

TEST_F(Simulation, TheDatabaseStartsAtTheVersionThatIsNamedFirst) {
  ASSERT_OK(world_.assume_version("shop", 9223372036854775807));
  ASSERT_OK(world_.assume_version("shop", 5));
  const auto opened = databases_.open(database());
  ASSERT_OK(opened);
  EXPECT_EQ((*opened)->read()->version, 9223372036854775807);
}

TEST_F(Simulation, AStepDownCostsItsTimeOnceAndOnlyOnce) {
  ASSERT_OK(world_.assume_version("shop", 3));
  const auto opened = databases_.open(database());
  ASSERT_OK(opened);
  const auto session = (*opened)->lock(seconds(1), {});
  ASSERT_OK(session);
  ASSERT_OK((*session)->run(step(Direction::kDown, 3, 2), {}, {}));
  ASSERT_OK((*session)->run(step(Direction::kDown, 3, 2), {}, {}));
  EXPECT_EQ((*opened)->read()->version, 2);
  EXPECT_EQ(passed(), seconds(5));
}

TEST_F(Simulation, ADatabaseCanBeTakenBackAllTheWay) {
  ASSERT_OK(world_.assume_version("shop", 30));
  const auto opened = databases_.open(database());
  ASSERT_OK(opened);
  const auto session = (*opened)->lock(seconds(1), {});
  ASSERT_OK(session);
  for (std::int64_t version = 30; version > 0; --version) {
    const auto state = (*session)->read();
    ASSERT_OK(state);
    ASSERT_EQ(state->applied.back().version, version);
    ASSERT_TRUE(state->applied.back().down);
    std::optional<std::int64_t> after;
    if (version > 1) {
      after = state->applied[state->applied.size() - 2].version;
      ASSERT_EQ(after, version - 1);
    }
    ASSERT_OK((*session)->run(step(Direction::kDown, version, after), {}, {}));
  }
  EXPECT_EQ((*session)->read()->version, std::nullopt);
}

TEST_F(Simulation, OnlyOneSessionHasTheLock) {
  const auto first = databases_.open(database());
  ASSERT_OK(first);
  auto session = (*first)->lock(seconds(1), {});
  ASSERT_OK(session);
  const auto refused = (*first)->lock(seconds(1), {});
  EXPECT_CODE(refused, StatusCode::kUnavailable);
  session->reset();
  EXPECT_OK((*first)->lock(seconds(1), {}));
}

TEST_F(Simulation, NamesTheDatabasesThatThereAre) {
  const auto opened = databases_.open(database("shoop"));
  EXPECT_CODE(opened, StatusCode::kNotFound);
  EXPECT_NE(opened.error().message().find("it has: shop"), std::string::npos);
  EXPECT_CODE(databases_.open(DatabaseRef{}), StatusCode::kInvalidArgument);
}

TEST_F(Simulation, TheSourceKnowsWhatTheDatabaseHasBeenThrough) {
  ASSERT_OK(world_.assume_version("shop", 3));
  SimulatedMigrationSource source(world_);
  MigrationSourceRef ref;
  ref.directory = "shop";
  const auto found = source.load(ref);
  ASSERT_OK(found);
  ASSERT_EQ(found->size(), 3U);
  EXPECT_EQ(found->back(), simulated_migration(3));
  ref.inline_migrations = {simulated_migration(4)};
  EXPECT_EQ(source.load(ref)->back().version, 4);
}

TEST_F(Simulation, ScriptsLoseNothingAndAnEmptyOneHasNoStatement) {
  const SimulatedSqlInspector inspector;
  EXPECT_EQ(inspector.inspect(Engine::kSimulation, "DROP TABLE a;")->front().effect,
            DataEffect::kLossless);
  EXPECT_TRUE(inspector.inspect(Engine::kSimulation, " ;\n")->empty());
}

TEST_F(Simulation, TrafficGoesWhereItIsSent) {
  const auto router = routers_.open(blue_and_green());
  ASSERT_OK(router);
  EXPECT_EQ((*router)->read()->weights, (TrafficWeights{{"blue", 0}, {"green", 100}}));
  ASSERT_OK((*router)->apply({{"blue", 100}}));
  EXPECT_EQ((*router)->read()->weights, (TrafficWeights{{"blue", 100}, {"green", 0}}));
  EXPECT_CODE((*router)->apply({{"red", 100}}), StatusCode::kFailedPrecondition);
  EXPECT_EQ((*router)->read()->weights, (TrafficWeights{{"blue", 100}, {"green", 0}}));
}

TEST_F(Simulation, ARouterWithoutTheAddressIsNotTheOneMeant) {
  TrafficTargetSpec spec = blue_and_green();
  spec.environments[0].addresses = {"elsewhere:1"};
  EXPECT_CODE(routers_.open(spec), StatusCode::kFailedPrecondition);
}

TEST_F(Simulation, AnEnvironmentIsAsHealthyAsDeclared) {
  SimulatedWorldSpec spec = shipped();
  spec.routers[0].environments[0].healthy = false;
  const SimulatedWorld world(spec);
  SimulatedTrafficProbers probers(world);
  EXPECT_CODE(probers.check("blue.simulated:8080", {}, {}), StatusCode::kUnavailable);
  EXPECT_OK(probers.check("green.simulated:8080", {}, {}));
}

TEST_F(Simulation, ARestoreTakesTheDeclaredTimeAndRows) {
  const auto backup = catalog_.find("", "users_backup_20240115");
  ASSERT_OK(backup);
  const auto opened = restores_.open(database(), "uid-1");
  ASSERT_OK(opened);
  EXPECT_CODE(opened->target->swap({}), StatusCode::kFailedPrecondition);
  ASSERT_OK(opened->target->load(*backup, {}));
  EXPECT_EQ(passed(), seconds(60));
  EXPECT_EQ(opened->target->count({})->front().rows, 100000);
  ASSERT_OK(opened->target->swap({}));
  const auto state = opened->target->read();
  EXPECT_TRUE(state->swapped);
  EXPECT_FALSE(state->side_exists);
  EXPECT_EQ(opened->target->swap({})->previous_name, state->previous_name);
  ASSERT_OK(opened->leftovers->drop_previous());
  EXPECT_EQ(opened->target->read()->previous_name, "");
}

TEST_F(Simulation, ARestoreKnowsItsBackupAndIsFinishedOnce) {
  const auto backup = catalog_.find("", "users_backup_1");
  ASSERT_OK(backup);
  const auto opened = restores_.open(database(), "uid-1");
  ASSERT_OK(opened);
  Backup foreign = *backup;
  foreign.format = BackupFormat::kPgCustom;
  EXPECT_CODE(opened->target->load(foreign, {}), StatusCode::kInvalidArgument);
  ASSERT_OK(opened->target->load(*backup, {}));
  ASSERT_OK(opened->leftovers->drop_side());
  EXPECT_EQ(*opened->target->read(), RestoreState{});
  ASSERT_OK(opened->target->load(*backup, {}));
  EXPECT_EQ(opened->target->read()->backup, "users_backup_1");
  ASSERT_OK(opened->target->swap({}));
  EXPECT_EQ(opened->target->read()->backup, "users_backup_1");
  EXPECT_CODE(opened->target->load(*backup, {}), StatusCode::kFailedPrecondition);
}

TEST_F(Simulation, AStoppedLoadCanBeDoneAgain) {
  const auto backup = catalog_.find("", "users_backup_1");
  const auto opened = restores_.open(database(), "uid-1");
  ASSERT_OK(opened);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_CODE(opened->target->load(*backup, stop.get_token()), StatusCode::kCancelled);
  EXPECT_FALSE(opened->target->read()->side_complete);
  ASSERT_OK(opened->target->load(*backup, {}));
  EXPECT_TRUE(opened->target->read()->side_complete);
}

TEST_F(Simulation, TheCatalogSaysWhatThereIs) {
  const auto missing = catalog_.find("", "users");
  EXPECT_CODE(missing, StatusCode::kNotFound);
  EXPECT_NE(missing.error().message().find("*_backup_*"), std::string::npos);
  EXPECT_CODE(catalog_.find("", "../a_backup_b"), StatusCode::kInvalidArgument);
}

TEST(SimulatedFlags, AnswersWhatWasSetLast) {
  SimulatedFlagTable table;
  EXPECT_CODE(table.evaluate("a"), StatusCode::kNotFound);
  table.set(share({"a", "true", "on", "STATIC"}));
  table.set(share({"a", "false", "off", "STATIC"}));
  EXPECT_EQ(table.evaluate("a")->value, "false");
  table.remove("a");
  EXPECT_CODE(table.evaluate("a"), StatusCode::kNotFound);
}

TEST(Matches, AStarIsAnyText) {
  EXPECT_TRUE(matches("*_backup_*", "users_backup_20240115"));
  EXPECT_TRUE(matches("a*b*c", "abc"));
  EXPECT_TRUE(matches("exact", "exact"));
  EXPECT_FALSE(matches("exact", "exactly"));
  EXPECT_FALSE(matches("*_backup_*", "users"));
  EXPECT_FALSE(matches("a*b", "ac"));
}

}  // namespace
}  // namespace ripcord::simulation
