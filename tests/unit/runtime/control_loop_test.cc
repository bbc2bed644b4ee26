// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/control_loop.h"

#include "adapters/memory/object_store.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/runtime/recorded_metrics.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

namespace ripcord {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

class ScriptedReconciler final : public Reconciler {
 public:
  explicit ScriptedReconciler(std::function<Outcome(const ReconcileRequest&)> body)
      : body_(std::move(body)) {}
  Outcome reconcile(const ReconcileRequest& request) override {
    {
      MutexLock lock(mutex_);
      ++runs_[request.key.name];
    }
    return body_(request);
  }
  int runs(const std::string& name) {
    MutexLock lock(mutex_);
    return runs_[name];
  }

 private:
  const std::function<Outcome(const ReconcileRequest&)> body_;
  Mutex mutex_;
  std::map<std::string, int> runs_ GUARDED_BY(mutex_);
};

// A store whose lists can be refused and whose watches can be told to end as expired.
class UnsteadyReader final : public ObjectReader {
 public:
  explicit UnsteadyReader(const ObjectReader& store) : store_(store) {}
  Result<ResourcePtr> get(const ObjectKey& key) const override { return store_.get(key); }
  Result<ObjectList> list(Kind kind, std::optional<std::string> ns) const override {
    ++lists;
    if (refuse_lists) {
      return error(StatusCode::kPermissionDenied, "may not list");
    }
    return store_.list(kind, std::move(ns));
  }
  Result<std::unique_ptr<ObjectWatch>> watch(Kind kind, std::int64_t from) const override {
    ASSIGN_OR_RETURN(auto inner, store_.watch(kind, from));
    return std::make_unique<Watch>(*this, std::move(inner));
  }
  std::atomic<bool> refuse_lists = false;
  std::atomic<bool> expire = false;
  std::atomic<bool> interrupt = false;
  mutable std::atomic<int> lists = 0;

 private:
  class Watch final : public ObjectWatch {
   public:
    Watch(const UnsteadyReader& reader, std::unique_ptr<ObjectWatch> inner)
        : reader_(reader), inner_(std::move(inner)) {}
    Result<WatchEvent> next(Duration, std::stop_token stop) override {
      if (reader_.expire) {
        return error(StatusCode::kExpired, "too old");
      }
      if (reader_.interrupt) {
        return error(StatusCode::kUnavailable, "connection reset");
      }
      return inner_->next(milliseconds(5), std::move(stop));
    }

   private:
    const UnsteadyReader& reader_;
    const std::unique_ptr<ObjectWatch> inner_;
  };
  const ObjectReader& store_;
};

class ControlLoopTest : public testing::Test {
 protected:
  ResourcePtr create(const std::string& name) {
    Resource flag = make_resource(Kind::kFeatureFlag, name);
    auto& spec = std::get<FeatureFlagSpec>(flag.spec);
    spec.key = name;
    spec.variants = {{"on", "true"}, {"off", "false"}};
    spec.default_variant = "on";
    spec.off_variant = "off";
    const auto created = store_.create(flag);
    EXPECT_OK(created);
    return *created;
  }
  void edit(const std::string& name) {
    Resource flag = **store_.get({Kind::kFeatureFlag, "default", name});
    auto& spec = std::get<FeatureFlagSpec>(flag.spec);
    spec.enabled = !spec.enabled;
    EXPECT_OK(store_.update(flag));
  }
  ControlLoop& start(std::function<Outcome(const ReconcileRequest&)> body,
                     ControlLoopOptions options = {}) {
    reconciler_ = std::make_unique<ScriptedReconciler>(std::move(body));
    loop_ = std::make_unique<ControlLoop>(options, reader_, *reconciler_, metrics_, clock_,
                                          Logger(*sink_));
    loop_->start();
    return *loop_;
  }
  bool ran(const std::string& name, int times = 1) {
    return eventually([&] { return reconciler_->runs(name) >= times; });
  }
  double value(const std::string& series) { return metrics_.value(series).value_or(-1); }

  SystemClock clock_;
  MemoryObjectStore store_{clock_};
  UnsteadyReader reader_{store_};
  RecordedMetrics metrics_;
  std::ostringstream log_;
  std::unique_ptr<LogSink> sink_ =
      make_stream_sink(log_, LogFormat::kText, LogLevel::kDebug, clock_);
  std::unique_ptr<ScriptedReconciler> reconciler_;
  std::unique_ptr<ControlLoop> loop_;
};

Outcome done(const ReconcileRequest&) {
  return Done{};
}

TEST_F(ControlLoopTest, LooksAgainAtWhatIsKnownNowOrLater) {
  create("a");
  ControlLoop& loop = start(done, {.resync = hours(1)});
  EXPECT_TRUE(ran("a"));
  loop.revisit({Kind::kFeatureFlag, "default", "a"}, Priority::kHigh);
  EXPECT_TRUE(ran("a", 2));
  const MonoTime asked = clock_.now();
  for (int i = 0; i < 5; ++i) {
    loop.revisit({Kind::kFeatureFlag, "default", "a"}, Priority::kHigh, milliseconds(300));
    loop.revisit({Kind::kFeatureFlag, "default", "unknown"}, Priority::kHigh, milliseconds(1));
  }
  EXPECT_TRUE(ran("a", 3));
  EXPECT_GE(clock_.now() - asked, milliseconds(300));
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(reconciler_->runs("a"), 3);
  EXPECT_EQ(reconciler_->runs("unknown"), 0);
}

TEST_F(ControlLoopTest, ReconcilesWhatIsThereWhatComesAndWhatGoes) {
  create("old");
  ControlLoop& loop = start(done);
  EXPECT_TRUE(ran("old"));
  const ResourcePtr fresh = create("new");
  EXPECT_TRUE(ran("new"));
  edit("new");
  EXPECT_TRUE(ran("new", 2));
  ASSERT_OK(store_.remove(fresh->key()));
  EXPECT_TRUE(ran("new", 3));
  EXPECT_TRUE(loop.stop());
  EXPECT_EQ(reconciler_->runs("old"), 1);
  EXPECT_EQ(reconciler_->runs("new"), 3);
  EXPECT_EQ(value("controller_runtime_reconcile_total{feature_flag,success}"), 4);
  EXPECT_EQ(value("controller_runtime_reconcile_time_seconds{feature_flag}"), 4);
}

TEST_F(ControlLoopTest, StartsEverySeriesAtZero) {
  start(done, {.kind = Kind::kFeatureFlag, .workers = 3});
  for (const char* result : {"success", "error", "requeue", "requeue_after"}) {
    EXPECT_EQ(value("controller_runtime_reconcile_total{feature_flag," + std::string(result) + "}"),
              0);
  }
  EXPECT_EQ(value("controller_runtime_reconcile_errors_total{feature_flag}"), 0);
  EXPECT_EQ(value("controller_runtime_terminal_reconcile_errors_total{feature_flag}"), 0);
  EXPECT_EQ(value("controller_runtime_reconcile_panics_total{feature_flag}"), 0);
  EXPECT_EQ(value("controller_runtime_active_workers{feature_flag}"), 0);
  EXPECT_EQ(value("controller_runtime_max_concurrent_reconciles{feature_flag}"), 3);
  EXPECT_EQ(value("controller_runtime_reconcile_time_seconds{feature_flag}"), 0);
  EXPECT_EQ(value("ripcord_watch_lag_seconds{feature_flag}"), 0);
  EXPECT_EQ(value("workqueue_queue_duration_seconds{feature_flag,feature_flag}"), 0);
  EXPECT_EQ(value("workqueue_work_duration_seconds{feature_flag,feature_flag}"), 0);
}

TEST_F(ControlLoopTest, TellsOncePerChangeWhenTheStoreTookIt) {
  Mutex mutex;
  std::vector<std::optional<MonoTime>> told;
  create("old");
  const auto body = [&](const ReconcileRequest& request) -> Outcome {
    MutexLock lock(mutex);
    told.push_back(request.changed);
    const bool again = told.size() == 3;  // the second run of "new"
    return again ? Outcome(RequeueAfter{milliseconds(1), ok_status()}) : Outcome(Done{});
  };
  ControlLoop& loop = start(body);
  ASSERT_TRUE(ran("old"));
  const MonoTime before = clock_.now();
  create("new");
  const MonoTime after = clock_.now();
  ASSERT_TRUE(ran("new"));
  edit("new");
  ASSERT_TRUE(ran("new", 3));
  ASSERT_TRUE(loop.stop());
  ASSERT_EQ(told.size(), 4U);
  EXPECT_FALSE(told[0]) << "the first list does not say when";
  ASSERT_TRUE(told[1] && told[2]);
  EXPECT_GE(*told[1], before);
  EXPECT_LE(*told[1], after);
  EXPECT_GE(*told[2], after);
  EXPECT_FALSE(told[3]) << "nothing had changed";
  EXPECT_EQ(value("ripcord_watch_lag_seconds{feature_flag}"), 2);
}

TEST_F(ControlLoopTest, IsNotWokenByAStatusWrite) {
  create("flag");
  create("other");
  ControlLoop& loop = start([this](const ReconcileRequest& request) -> Outcome {
    Resource object = **store_.get(request.key);
    auto& status = std::get<FeatureFlagStatus>(object.status);
    status.variant += "x";
    EXPECT_OK(store_.update_status(object));
    return Done{};
  });
  ASSERT_TRUE(ran("flag"));
  ASSERT_TRUE(eventually([&] {
    const ResourcePtr other = *store_.get({Kind::kFeatureFlag, "default", "other"});
    return !std::get<FeatureFlagStatus>(other->status).variant.empty();
  }));
  edit("other");  // comes later in the same stream
  ASSERT_TRUE(ran("other", 2));
  EXPECT_TRUE(loop.stop());
  EXPECT_EQ(reconciler_->runs("flag"), 1);
}

TEST_F(ControlLoopTest, FencesAnExceptionIntoItsKey) {
  create("bad");
  create("worse");
  create("good");
  ControlLoop& loop = start([](const ReconcileRequest& request) -> Outcome {
    if (request.key.name == "bad") {
      throw std::runtime_error("boom");
    }
    if (request.key.name == "worse") {
      throw 42;  // NOLINT(hicpp-exception-baseclass)
    }
    return Done{};
  });
  EXPECT_TRUE(ran("bad", 3));  // by its back-off
  EXPECT_TRUE(ran("worse", 3));
  edit("good");
  EXPECT_TRUE(ran("good", 2));
  EXPECT_TRUE(loop.stop());
  const int panics = reconciler_->runs("bad") + reconciler_->runs("worse");
  EXPECT_EQ(value("controller_runtime_reconcile_panics_total{feature_flag}"), panics);
  EXPECT_EQ(value("controller_runtime_reconcile_errors_total{feature_flag}"), panics);
  EXPECT_EQ(value("controller_runtime_reconcile_total{feature_flag,error}"), panics);
  EXPECT_EQ(value("workqueue_retries_total{feature_flag,feature_flag}"), panics);
  EXPECT_NE(log_.str().find("boom"), std::string::npos);
  EXPECT_NE(loop.health().last_error.find("Panic"), std::string::npos);
}

TEST_F(ControlLoopTest, OneKeyOfAHundredThatThrowsKeepsNoOtherWaiting) {
  constexpr int kOthers = 99;
  create("bad");
  for (int i = 0; i < kOthers; ++i) {
    create("good" + std::to_string(i));
  }
  ControlLoopOptions options;
  options.workers = 1;
  options.queue.backoff_base = milliseconds(1);
  ControlLoop& loop = start(
      [](const ReconcileRequest& request) -> Outcome {
        if (request.key.name == "bad") {
          throw std::runtime_error("boom");
        }
        return Done{};
      },
      options);
  ASSERT_TRUE(ran("bad", 5));
  std::vector<Duration> took;
  for (int i = 0; i < kOthers; ++i) {
    const std::string name = "good" + std::to_string(i);
    ASSERT_TRUE(ran(name));
    const MonoTime began = clock_.now();
    edit(name);
    ASSERT_TRUE(eventually([&] { return reconciler_->runs(name) == 2; }));
    took.push_back(clock_.now() - began);
  }
  EXPECT_TRUE(loop.stop());
  for (int i = 0; i < kOthers; ++i) {
    EXPECT_EQ(reconciler_->runs("good" + std::to_string(i)), 2) << "the back-off is of one key";
  }
  std::ranges::sort(took);
  EXPECT_LT(to_seconds(took[kOthers - 2]), 0.5);
}

TEST_F(ControlLoopTest, TriesANewGenerationAtOnce) {
  create("flag");
  ControlLoopOptions options;
  options.queue.backoff_base = hours(1);
  options.queue.backoff_max = hours(1);
  std::atomic<bool> broken = true;
  start(
      [&broken](const ReconcileRequest&) -> Outcome {
        return broken ? Outcome(RequeueAfter{{}, Status(StatusCode::kUnavailable, "down")})
                      : Outcome(Done{});
      },
      options);
  ASSERT_TRUE(ran("flag"));
  edit("flag");
  ASSERT_TRUE(ran("flag", 2));
  edit("flag");
  ASSERT_TRUE(ran("flag", 3));
}

TEST_F(ControlLoopTest, LooksAgainWhenAskedAndAtTheResync) {
  create("later");
  create("drift");
  create("capped");
  create("far-deadline");
  ControlLoopOptions options;
  options.resync = milliseconds(20);
  options.queue.backoff_base = hours(1);
  options.queue.backoff_max = hours(1);
  start(
      [](const ReconcileRequest& request) -> Outcome {
        if (request.key.name == "later") {
          return RequeueAfter{milliseconds(5), {}};
        }
        if (request.key.name == "capped") {
          return RequeueAfter{{}, Status(StatusCode::kUnavailable, "down"), milliseconds(5)};
        }
        if (request.key.name == "far-deadline") {
          return RequeueAfter{hours(24), {}};
        }
        return Stalled{Status(StatusCode::kInvalidArgument, "wrong")};
      },
      options);
  EXPECT_TRUE(ran("later", 3));
  EXPECT_TRUE(ran("far-deadline", 3));
  EXPECT_TRUE(ran("drift", 3));
  EXPECT_TRUE(ran("capped", 3));
  EXPECT_GE(value("controller_runtime_terminal_reconcile_errors_total{feature_flag}"), 2);
}

TEST_F(ControlLoopTest, LooksAgainLaterWhereThereAreTooManyObjects) {
  create("one-of-two");
  create("asked-for");
  ControlLoopOptions options;
  options.resync = milliseconds(1);
  options.most_resyncs = 1.0 / 3600;  // so one an hour
  start([](const ReconcileRequest&) -> Outcome { return Done{}; }, options);
  EXPECT_TRUE(ran("one-of-two", 1));
  for (int i = 1; i <= 20; ++i) {
    EXPECT_TRUE(ran("asked-for", i));
    loop_->revisit({Kind::kFeatureFlag, "default", "asked-for"}, Priority::kHigh);
  }
  EXPECT_EQ(reconciler_->runs("one-of-two"), 1);
}

TEST_F(ControlLoopTest, ListsAgainWhenTheWatchExpiredAndMissesNothing) {
  const ResourcePtr gone = create("gone");
  create("kept");
  create("changed");
  ControlLoop& loop = start(done);
  ASSERT_TRUE(ran("gone") && ran("kept") && ran("changed"));
  reader_.refuse_lists = true;
  reader_.expire = true;
  ASSERT_TRUE(eventually([&] { return !loop.health().watch_error.empty(); }));
  EXPECT_TRUE(loop.health().synced);  // the old keys are still served
  ASSERT_OK(store_.remove(gone->key()));
  edit("changed");
  create("new");
  reader_.expire = false;
  reader_.refuse_lists = false;
  EXPECT_TRUE(ran("gone", 2));
  EXPECT_TRUE(ran("changed", 2));
  EXPECT_TRUE(ran("new"));
  EXPECT_TRUE(loop.stop());
  EXPECT_EQ(reconciler_->runs("kept"), 1);
  EXPECT_EQ(loop.health().objects, 3U);
}

TEST_F(ControlLoopTest, WatchesOnWithoutAListAfterAnInterruption) {
  create("flag");
  ControlLoop& loop = start(done);
  ASSERT_TRUE(ran("flag"));
  reader_.interrupt = true;
  ASSERT_TRUE(eventually([&] { return !loop.health().watch_error.empty(); }));
  edit("flag");
  reader_.interrupt = false;
  EXPECT_TRUE(ran("flag", 2));
  EXPECT_EQ(reader_.lists, 1);
  EXPECT_TRUE(eventually([&] { return loop.health().watch_error.empty(); }));
}

TEST_F(ControlLoopTest, IsNotReadyBeforeTheFirstList) {
  reader_.refuse_lists = true;
  ControlLoop& loop = start(done);
  ASSERT_TRUE(eventually([&] { return !loop.health().watch_error.empty(); }));
  const HealthReport report = readyz({loop.health()}, true);
  EXPECT_FALSE(report.ok);
  EXPECT_NE(report.text.find("[-]FeatureFlag not synced: PermissionDenied"), std::string::npos);
  reader_.refuse_lists = false;
  EXPECT_TRUE(eventually([&] { return readyz({loop.health()}, false).ok; }));
  EXPECT_TRUE(livez({loop.health()}, false).ok);
}

TEST_F(ControlLoopTest, AsksTheReconcileInHandToStopAndGivesOutNoMore) {
  create("a");
  create("b");
  std::atomic<int> abandoned = 0;
  ControlLoop& loop = start([&](const ReconcileRequest& request) -> Outcome {
    while (!request.stop.stop_requested()) {
      std::this_thread::sleep_for(milliseconds(1));
    }
    ++abandoned;
    return outcome_of(Status(StatusCode::kCancelled, "asked to stop"));
  });
  ASSERT_TRUE(eventually([&] { return loop.health().busy == 1; }));
  EXPECT_TRUE(loop.stop());
  EXPECT_EQ(abandoned, 1);
  EXPECT_EQ(loop.health().busy, 0);
}

TEST_F(ControlLoopTest, SaysWhenAReconcileDoesNotReturnInTime) {
  create("stuck");
  std::atomic<bool> release = false;
  ControlLoop& loop = start([&](const ReconcileRequest&) -> Outcome {
    while (!release) {
      std::this_thread::sleep_for(milliseconds(1));
    }
    return Done{};
  });
  ASSERT_TRUE(eventually([&] { return loop.health().busy == 1; }));
  EXPECT_FALSE(loop.stop(milliseconds(20)));
  release = true;
  EXPECT_TRUE(loop.stop());
}

TEST_F(ControlLoopTest, LogsKeyGenerationAndReconcileId) {
  create("flag");
  ControlLoop& loop = start(done);
  ASSERT_TRUE(ran("flag"));
  EXPECT_TRUE(loop.stop());
  const std::string log = log_.str();
  for (const char* part : {"FeatureFlag default/flag", "reconcileID=", "generation=1"}) {
    EXPECT_NE(log.find(part), std::string::npos) << part << " in " << log;
  }
}

}  // namespace
}  // namespace ripcord
