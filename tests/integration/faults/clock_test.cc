// SPDX-License-Identifier: Apache-2.0
// The wall clock is set hours forth and back under the controller: nothing is forgotten, nothing is
// done twice, and no duration is negative, since those are measured on the monotonic clock.
#include "adapters/backupdir/backup_directory.h"
#include "adapters/memory/object_store.h"
#include "adapters/simulation/flags.h"
#include "adapters/simulation/traffic.h"
#include "adapters/sqlite/inspector.h"
#include "adapters/sqlite/restore_databases.h"
#include "adapters/sqlite/schema_database.h"
#include "controller/runtime/control_loop.h"
#include "controller/strategies/feature_flag.h"
#include "controller/strategies/restore_request.h"
#include "tests/integration/migrations/harness.h"
#include "tests/support/process.h"
#include "tests/support/sample_objects.h"
#include "tests/support/status_matchers.h"
#include "tests/support/traffic/traffic_world.h"

#include <random>

namespace ripcord {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

// Another time of the day at every look; the monotonic time of a real clock.
class RestlessClock final : public Clock {
 public:
  explicit RestlessClock(unsigned seed) : random_(seed) {}
  MonoTime now() const override { return real_.now(); }
  WallTime wall_now() const override {
    const MutexLock lock(mutex_);
    return real_.wall_now() + hours(std::uniform_int_distribution<int>(-6, 6)(random_));
  }
  bool sleep_for(Duration d, std::stop_token stop) override {
    return real_.sleep_for(d, std::move(stop));
  }

 private:
  SystemClock real_;
  mutable Mutex mutex_;
  mutable std::mt19937 random_ GUARDED_BY(mutex_);
};

class NoNegatives final : public MetricSink {
 public:
  void add(const MetricDescriptor& metric, LabelValues, double delta) override {
    EXPECT_GE(delta, 0) << metric.name;
  }
  void set(const MetricDescriptor&, LabelValues, double) override {}
  void observe(const MetricDescriptor& metric, LabelValues, double value) override {
    EXPECT_GE(value, 0) << metric.name;
  }
  void remove(const MetricDescriptor&, LabelValues) override {}
};

class NoEvents final : public EventSink {
 public:
  void record(const Event&) override {}
};

// "up>down Succeeded" a line; each with a duration that can be.
std::string history_of(const CommonStatus& status) {
  std::string text;
  for (const HistoryEntry& entry : status.history) {
    EXPECT_GE(entry.duration_seconds, 0);
    EXPECT_LT(entry.duration_seconds, 3600);
    EXPECT_TRUE(entry.completed_at);
    text += entry.from + ">" + entry.to + " " + entry.result + "\n";
  }
  return text;
}

unsigned a_seed() {
  const unsigned seed = std::random_device{}();
  testing::Test::RecordProperty("seed", std::to_string(seed));
  return seed;
}

class ClockSetBack : public testing::Test {
 protected:
  const unsigned seed_ = a_seed();
  const testing::ScopedTrace trace_{__FILE__, __LINE__, "seed " + std::to_string(seed_)};
  RestlessClock clock_{seed_};
  NoNegatives metrics_;
  NoEvents events_;
  MemoryObjectStore store_{clock_};
  TempDir directory_;
};

TEST_F(ClockSetBack, DoesNotDisturbARestoreNorWhatItKeeps) {
  BackupDirectory catalog;
  sqlite::SqliteRestores databases(clock_);
  RestoreRequestStrategy strategy({catalog, databases, events_, metrics_, clock_});
  StrategyReconciler reconciler(store_, strategy, events_, metrics_, clock_);
  for (const std::string name : {"shop.db", "monday.db"}) {
    ASSERT_EQ(
        run({.argv = {"sqlite3", directory_ / name, "create table users as select '" + name + "'"}})
            .exit_code,
        0);
  }
  Resource request = make_resource(Kind::kRestoreRequest, "undo");
  auto& spec = std::get<RestoreRequestSpec>(request.spec);
  spec.database = sqlite_ref(directory_ / "shop.db");
  spec.backup = "monday";
  spec.catalog_directory = directory_.path();
  spec.approval = RestoreApproval{"monday", "alice"};
  spec.keep_previous = hours(24);
  ASSERT_OK(store_.create(request));
  for (int look = 0; look < 20; ++look) {
    const Outcome outcome = reconciler.reconcile({request.key(), "test", {}, {}});
    const auto* later = std::get_if<RequeueAfter>(&outcome);
    ASSERT_NE(later, nullptr) << "it looks again when the previous database has had its time";
    ASSERT_TRUE(later->delay);
    EXPECT_GT(*later->delay, hours(11));
    EXPECT_LT(*later->delay, hours(37));
    const ResourcePtr stored = *store_.get(request.key());
    const auto& status = std::get<RestoreRequestStatus>(stored->status);
    EXPECT_EQ(status.phase, RestorePhase::kCompleted);
    EXPECT_TRUE(status.conditions.is_true(kReady));
    EXPECT_TRUE(std::filesystem::exists(status.previous_database)) << "look " << look;
    EXPECT_EQ(history_of(status), status.previous_database + ">monday Succeeded\n");
    for (const PhaseDuration& phase : status.durations) {
      EXPECT_GE(phase.seconds, 0) << phase.phase;
      EXPECT_LT(phase.seconds, 3600) << phase.phase;
    }
    EXPECT_GE(status.swap_window_seconds, 0);
  }
}

TEST_F(ClockSetBack, DoesNotDisturbAMigrationThatIsStoppedAndTakenUpAgain) {
  sqlite::SqliteInspector inspector;
  migrationdir::MigrationDirectory source;
  Resource object = make_resource(Kind::kMigrationVersion, "shop");
  auto& spec = std::get<MigrationVersionSpec>(object.spec);
  spec.database = sqlite_ref(directory_ / "shop.db");
  spec.source.inline_migrations = sqlite_corpus();
  spec.version = 5;
  ASSERT_OK(store_.create(object));
  std::stop_source stop;
  int points = 0;
  sqlite::SqliteSchemas stopping(clock_, [&](std::string_view point) {
    if (point == "after COMMIT" && ++points == 2) {
      stop.request_stop();
    }
  });
  sqlite::SqliteSchemas databases(clock_, {});
  for (SchemaDatabases* each :
       {static_cast<SchemaDatabases*>(&stopping), static_cast<SchemaDatabases*>(&databases)}) {
    MigrationVersionStrategy strategy({*each, source, inspector, metrics_, clock_});
    StrategyReconciler reconciler(store_, strategy, events_, metrics_, clock_);
    const std::stop_token token = each == &stopping ? stop.get_token() : std::stop_token{};
    reconciler.reconcile({object.key(), "test", token, {}});
  }
  ASSERT_TRUE(stop.stop_requested());
  const ResourcePtr stored = *store_.get(object.key());
  const auto& status = std::get<MigrationVersionStatus>(stored->status);
  EXPECT_TRUE(status.conditions.is_true(kReady));
  EXPECT_EQ(status.version, 5);
  EXPECT_EQ(history_of(status), "none>5 Succeeded\n");
}

TEST_F(ClockSetBack, DoesNotDisturbASwitchAndItsWindow) {
  SimulatedWorldSpec declared;
  declared.routers = {{"shop", {{"blue", {"b:1"}}, {"green", {"g:1"}}}, "blue", {}}};
  simulation::SimulatedWorld world(declared);
  SimulatedClock virtual_time;
  simulation::SimulatedTrafficRouters routers(world, virtual_time);
  simulation::SimulatedTrafficProbers probers(world);
  TrafficLoop loop(store_, routers, probers, clock_);
  TrafficTargetSpec spec;
  spec.environments = {{"blue", {"b:1"}, {}}, {"green", {"g:1"}, {}}};
  spec.active = "blue";
  put_spec(store_, spec);
  loop.settle();
  for (int round = 0; round < 8; ++round) {
    spec.active = round % 2 == 0 ? "green" : "blue";
    put_spec(store_, spec);
    loop.settle();
    const TrafficTargetStatus status = loop.status();
    EXPECT_EQ(ready(status), "Ready=True Serving");
    EXPECT_EQ(status.active, spec.active);
    EXPECT_EQ(changes(status).size(), static_cast<std::size_t>(round) + 1);
    EXPECT_THAT(changes(status).front(), testing::HasSubstr(">" + spec.active + " Spec Succeeded"));
    history_of(status);
    EXPECT_GE(status.last_switch->duration_seconds, 0);
    EXPECT_GE(status.last_switch->downtime_seconds, 0);
  }
}

// A flag under its loop, in virtual time. After whatever happened to the clock, one resync later it
// is served as its spec says for the time that the clock shows now.
class FlagUnderASetClock : public testing::Test {
 protected:
  void SetUp() override {
    Resource flag = make_resource(Kind::kFeatureFlag, "flag");
    auto& spec = std::get<FeatureFlagSpec>(flag.spec);
    spec.key = "flag";
    spec.variants = {{"on", "true"}, {"off", "false"}};
    spec.default_variant = "on";
    spec.off_variant = "off";
    ASSERT_OK(store_.create(flag));
    loop_.start();
  }
  void TearDown() override { EXPECT_TRUE(loop_.stop()); }
  void edit(const std::function<void(FeatureFlagSpec&)>& change) {
    for (;;) {  // the loop writes its status meanwhile
      Resource flag = **store_.get(key_);
      change(std::get<FeatureFlagSpec>(flag.spec));
      if (const auto written = store_.update(flag); written) {
        return;
      }
    }
  }
  void set_override(Duration from_now) {
    edit([&](FeatureFlagSpec& spec) {
      FeatureFlagOverride override;
      override.enabled = false;
      override.reason = "INC-231";
      override.by = "alice";
      override.until =
          clock_.wall_now() + std::chrono::duration_cast<std::chrono::microseconds>(from_now);
      spec.override = override;
    });
  }
  // A resync at a time; an appointment of the loop two days ahead must not be what brings it.
  bool served_as_wanted() {
    return eventually(
        [&] {
          clock_.advance(kResync);
          loop_.wake();
          const ResourcePtr flag = *store_.get(key_);
          const auto wanted = decide_feature_flag(*flag, std::nullopt, clock_.wall_now());
          const auto served = table_.evaluate("flag");
          return wanted && served && served->value == wanted->wanted.value &&
                 recorded_value(*flag) == wanted->wanted &&
                 common(flag->status).observed_generation == flag->meta.generation &&
                 common(flag->status).conditions.is_true(kReady);
        },
        seconds(10));
  }

  static constexpr Duration kResync = seconds(30);
  const ObjectKey key_{Kind::kFeatureFlag, "default", "flag"};
  SimulatedClock clock_;
  NoNegatives metrics_;
  NoEvents events_;
  MemoryObjectStore store_{clock_};
  simulation::SimulatedFlagTable table_;
  FeatureFlagStrategy strategy_{table_, table_, metrics_, clock_};
  StrategyReconciler reconciler_{store_, strategy_, events_, metrics_, clock_};
  ControlLoop loop_{
      {.kind = Kind::kFeatureFlag, .resync = kResync}, store_, reconciler_, metrics_, clock_, {}};
};

TEST_F(FlagUnderASetClock, AnOverrideEndsWhenTheClockIsSetBeyondItAndHoldsAgainWhenItIsSetBack) {
  ASSERT_TRUE(served_as_wanted());
  const WallTime noon = clock_.wall_now();
  set_override(hours(48));
  ASSERT_TRUE(served_as_wanted());
  EXPECT_EQ(table_.evaluate("flag")->value, "false");
  clock_.set_wall(noon + hours(49));
  ASSERT_TRUE(served_as_wanted());
  EXPECT_EQ(table_.evaluate("flag")->value, "true");
  clock_.set_wall(noon - hours(5));
  ASSERT_TRUE(served_as_wanted());
  EXPECT_EQ(table_.evaluate("flag")->value, "false");
  edit([](FeatureFlagSpec& spec) { spec.override.reset(); });
  ASSERT_TRUE(served_as_wanted());
  EXPECT_EQ(table_.evaluate("flag")->value, "true");
}

TEST_F(FlagUnderASetClock, NoChangeIsLostWhateverHappensToTheClock) {
  const unsigned seed = a_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto pick = [&](int from, int to) {
    return std::uniform_int_distribution<int>(from, to)(random);
  };
  for (int step = 0; step < 150; ++step) {
    SCOPED_TRACE(step);
    switch (pick(0, 4)) {
      case 0:
      case 1:
        clock_.set_wall(clock_.wall_now() + hours(pick(-100, 100)));
        break;
      case 2:
        edit([](FeatureFlagSpec& spec) { spec.enabled = !spec.enabled; });
        break;
      case 3:
        set_override(hours(pick(1, 90)));
        break;
      default:
        edit([](FeatureFlagSpec& spec) { spec.override.reset(); });
    }
    ASSERT_TRUE(served_as_wanted());
    history_of(common((*store_.get(key_))->status));
  }
}

// Back-off is a matter of the monotonic clock alone.
TEST(ClockOfTheLoop, ASetClockNeitherHastensNorDelaysARetry) {
  SimulatedClock clock;
  MemoryObjectStore store(clock);
  NoNegatives metrics;
  struct Failing final : Reconciler {
    Outcome reconcile(const ReconcileRequest&) override {
      ++runs;
      return RequeueAfter{std::nullopt, Status(StatusCode::kUnavailable, "down")};
    }
    std::atomic<int> runs = 0;
  } failing;
  ASSERT_OK(store.create(sample_object(Kind::kRestoreRequest, "undo")));
  ControlLoopOptions options{.kind = Kind::kRestoreRequest, .resync = hours(1000)};
  options.queue.backoff_base = seconds(100);
  options.queue.backoff_max = seconds(100);
  ControlLoop loop(options, store, failing, metrics, clock, {});
  loop.start();
  ASSERT_TRUE(eventually([&] { return failing.runs == 1; }));
  for (int retry = 2; retry < 6; ++retry) {
    clock.set_wall(clock.wall_now() + hours(retry % 2 == 0 ? 50 : -70));
    clock.advance(seconds(20));
    loop.wake();
    EXPECT_FALSE(eventually([&] { return failing.runs >= retry; }, std::chrono::milliseconds(50)));
    // A retry is due once its back-off is over, jitter included, and not a clock's jump later.
    EXPECT_TRUE(eventually([&] {
      clock.advance(seconds(20));
      loop.wake();
      return failing.runs >= retry;
    }));
  }
  EXPECT_TRUE(loop.stop());
}

}  // namespace
}  // namespace ripcord
