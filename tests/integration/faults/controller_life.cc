// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/faults/controller_life.h"

#include "controller/strategies/feature_flag.h"
#include "controller/strategies/migration_version.h"
#include "controller/strategies/restore_request.h"
#include "tests/support/process.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <regex>
#include <stdexcept>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

constexpr int kMostLooks = 100;
constexpr int kMostPoints = 400;

template <class T>
T must(Result<T> result) {
  if (!result) {
    throw std::runtime_error(to_string(result.error()));
  }
  return std::move(*result);
}

void tell_conditions(const CommonStatus& status, std::string& story) {
  for (const Condition& condition : status.conditions.all()) {
    story +=
        fmt::format("{}={} {}\n", condition.type, to_string(condition.status), condition.reason);
  }
  for (const HistoryEntry& entry : status.history) {
    story += fmt::format("{}>{} {} {} by {}{}{}\n", entry.from, entry.to, to_string(entry.trigger),
                         entry.result, entry.by, entry.completed_at ? "" : " unfinished",
                         entry.duration_seconds < 0 ? " negative" : "");
  }
}

int in_a_life(const std::string& data_directory, const Trace& trace,
              const std::function<void(ControllerLife&)>& body) {
  return run_forked([&] {
    try {
      ControllerLife life(data_directory, trace);
      body(life);
      return 0;
    } catch (const std::exception& e) {
      std::fprintf(stderr, "a life failed: %s\n", e.what());
      return 1;
    }
  });
}

// A life that ends when there is nothing left to do; what it left, through a file past the fork.
std::string end_of(const CrashScene& scene) {
  const TempDir directory;
  const std::string file = directory / "story";
  const int code = in_a_life(scene.data_directory, {}, [&](ControllerLife& life) {
    life.apply(scene.wanted);
    write_file(file, story_of(*life.settle(scene.wanted.key())));
  });
  return code == 0 ? read_file(file) + without_uids(scene.look())
                   : fmt::format("the life ended with {}", code);
}

int end_at(const CrashScene& scene, int point) {
  return in_a_life(scene.data_directory, killing_at(point, scene.from), [&](ControllerLife& life) {
    life.apply(scene.wanted);
    life.settle(scene.wanted.key());
  });
}

}  // namespace

// The drivers log their points; this takes them out of the log.
class ControllerLife::Tracing final : public LogSink {
 public:
  explicit Tracing(Trace trace) : trace_(std::move(trace)) {}
  void write(LogLevel, std::string_view message, const std::vector<LogField>& fields) override {
    if (message == "trace") {
      trace_point(trace_, fields.back().value);
    }
  }

 private:
  const Trace trace_;
};

class ControllerLife::NoEvents final : public EventSink {
 public:
  void record(const Event&) override {}
};

ControllerLife::ControllerLife(const std::string& data_directory, Trace trace)
    : tracing_(std::make_unique<Tracing>(trace)), events_(std::make_unique<NoEvents>()) {
  store_ = must(EmbeddedObjectStore::open(
      {.directory = data_directory, .trace = std::move(trace), .logger = {}}, clock_));
  world_ = std::make_unique<app::RealWorld>(app::RealWorldOptions{
      .ofrep_server = "", .metrics = metrics_, .clock = clock_, .log = Logger(*tracing_)});
}

ControllerLife::~ControllerLife() {
  server_.stop();
}

void ControllerLife::serve_flags() {
  const app::World world = world_->world();
  auto flags =
      std::make_unique<FeatureFlagStrategy>(world.flags, world.evaluation, metrics_, clock_);
  must(flags->preload(*store_));
  must(world_->serve_flags(server_, "127.0.0.1:0"));
  strategy_ = std::move(flags);
}

Strategy& ControllerLife::strategy_of(Kind kind) {
  const app::World world = world_->world();
  if (strategy_ && strategy_->kind() == kind) {
    return *strategy_;
  }
  if (kind == Kind::kMigrationVersion) {
    strategy_ = std::make_unique<MigrationVersionStrategy>(
        MigrationTools{world.schemas, world.migrations, world.inspector, metrics_, clock_});
  } else {
    strategy_ = std::make_unique<RestoreRequestStrategy>(
        RestoreTools{world.backups, world.restores, *events_, metrics_, clock_});
  }
  return *strategy_;
}

void ControllerLife::apply(const Resource& wanted) {
  const Result<ResourcePtr> stored = store_->get(wanted.key());
  if (!stored) {
    must(store_->create(wanted));
    return;
  }
  Resource object = **stored;
  object.spec = wanted.spec;
  must(store_->update(object));
}

ResourcePtr ControllerLife::settle(const ObjectKey& key) {
  StrategyReconciler reconciler(*store_, strategy_of(key.kind), *events_, metrics_, clock_);
  for (int look = 0; look < kMostLooks; ++look) {
    const Outcome outcome = reconciler.reconcile({key, "test", {}, {}});
    const auto* again = std::get_if<RequeueAfter>(&outcome);
    if (again == nullptr || again->delay.value_or(Duration{}) > std::chrono::hours(1)) {
      return must(store_->get(key));
    }
    clock_.sleep_for(std::chrono::milliseconds(5), {});
  }
  throw std::runtime_error("it does not settle: " + story_of(*must(store_->get(key))));
}

std::string ControllerLife::served(const std::string& flag_key) {
  const Result<FlagAnswer> answer = world_->world().evaluation.evaluate(flag_key);
  return answer ? answer->value : to_string(answer.error());
}

Trace killing_at(int point, std::string from) {
  auto begun = std::make_shared<std::atomic<bool>>(from.empty());
  auto seen = std::make_shared<std::atomic<int>>(0);
  return [=, from = std::move(from)](std::string_view name) {
    if (name == from) {
      *begun = true;
    }
    if (*begun && ++*seen == point) {
      ::raise(SIGKILL);
    }
  };
}

std::string without_uids(const std::string& text) {
  static const std::regex kUidInName("(ripcord|before)([-_])[0-9a-f]{8}");
  return std::regex_replace(text, kUidInName, "$1$2UID");
}

std::string story_of(const Resource& object) {
  std::string story;
  tell_conditions(common(object.status), story);
  if (const auto* migration = std::get_if<MigrationVersionStatus>(&object.status)) {
    story += fmt::format("version {} target {} pending {}\n", migration->version.value_or(-1),
                         migration->target.value_or(-1), migration->pending.size());
    if (const auto& used = migration->used_approval) {
      story += fmt::format("approval of {} by {} {}\n", used->version, used->by,
                           used->used_at ? "used" : "in use");
    }
  }
  if (const auto* restore = std::get_if<RestoreRequestStatus>(&object.status)) {
    story +=
        fmt::format("{} rows {} tables {} side [{}] previous [{}]{}\n", to_string(restore->phase),
                    restore->restored_rows, restore->tables.size(), restore->side_database,
                    restore->previous_database, restore->previous_expires_at ? " expires" : "");
  }
  return without_uids(story);
}

std::string expect_same_end_wherever_killed(const CrashScene& scene, int at_least_points) {
  scene.set();
  EXPECT_EQ(end_at(scene, 0), 0);
  const std::string want = end_of(scene);  // also: one more start changes nothing
  int point = 1;
  for (; point < kMostPoints; ++point) {
    scene.set();
    const int code = end_at(scene, point);
    if (code == 0) {
      break;
    }
    EXPECT_EQ(code, 128 + SIGKILL) << "point " << point;
    EXPECT_EQ(end_of(scene), want) << "killed at point " << point;
    if (testing::Test::HasFailure()) {
      break;
    }
  }
  EXPECT_GT(point, at_least_points) << "the points were not reached";
  return want;
}

void live_undisturbed(const std::string& data_directory, const Resource& wanted) {
  EXPECT_EQ(in_a_life(data_directory, {},
                      [&](ControllerLife& life) {
                        life.apply(wanted);
                        life.settle(wanted.key());
                      }),
            0);
}

}  // namespace ripcord
