// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/flag_sink_writer.h"

#include "controller/strategies/flag_sinks.h"
#include "tests/support/process.h"
#include "tests/unit/runtime/recorded_metrics.h"

#include <atomic>
#include <set>

#include <gtest/gtest.h>

namespace ripcord {
namespace {

using Phase = FlagSinkState::Phase;
using std::chrono::milliseconds;

// ConfigMaps in memory, which can be out of reach, or hang until they are released.
class Files final : public FlagFileStore {
 public:
  Result<bool> write(const FlagFilesPlace& place,
                     const std::map<std::string, FlagFile>& files) override {
    MutexLock lock(mutex_);
    ++calls_;
    while (hangs_) {
      released_.wait(mutex_);
    }
    if (!failure_.ok()) {
      return tl::unexpected<Status>(failure_);
    }
    const bool changed = files_[place] != files;
    files_[place] = files;
    return changed;
  }
  void fail(Status status) {
    MutexLock lock(mutex_);
    failure_ = std::move(status);
  }
  void hang(bool on) {
    MutexLock lock(mutex_);
    hangs_ = on;
    released_.notify_all();
  }
  void spoil(const FlagFilesPlace& place) {
    MutexLock lock(mutex_);
    files_[place].clear();
  }
  int calls() const {
    MutexLock lock(mutex_);
    return calls_;
  }
  // The flags of a file with their default variants: "a=on b=off".
  std::string text(const FlagFilesPlace& place, const std::string& key) const {
    MutexLock lock(mutex_);
    std::string all;
    const auto at = files_.find(place);
    if (at == files_.end() || !at->second.contains(key)) {
      return "no file";
    }
    for (const auto& [name, entry] : at->second.at(key)) {
      all += (all.empty() ? "" : " ") + name + "=" + entry.default_variant;
    }
    return all;
  }

 private:
  mutable Mutex mutex_;
  CondVar released_;
  std::map<FlagFilesPlace, std::map<std::string, FlagFile>> files_ GUARDED_BY(mutex_);
  Status failure_ GUARDED_BY(mutex_);
  bool hangs_ GUARDED_BY(mutex_) = false;
  int calls_ GUARDED_BY(mutex_) = 0;
};

const FlagSink kSink{{"flags", "a.json"}};
const FlagSink kOther{{"other", "b.json"}};
const FlagFilesPlace kPlace{"default", "flags"};
const FlagFilesPlace kOtherPlace{"default", "other"};

ObjectKey flag(const std::string& name) {
  return {Kind::kFeatureFlag, "default", name};
}

class FlagSinkWriterTest : public testing::Test {
 protected:
  void make(Duration check_every = std::chrono::hours(1)) {
    writer_ = std::make_unique<FlagSinkWriter>(FlagSinkTools{.files = files_,
                                                             .metrics = metrics_,
                                                             .clock = clock_,
                                                             .log = {},
                                                             .look_again =
                                                                 [this](const ObjectKey& key) {
                                                                   MutexLock lock(mutex_);
                                                                   told_.insert(key);
                                                                 },
                                                             .check_every = check_every});
  }
  void want(const std::string& name, const std::string& variant, std::vector<FlagSink> sinks,
            std::vector<FlagSink> former = {}, bool new_here = true) {
    writer_->want(flag(name), {std::move(sinks), std::move(former), name,
                               FlagFileEntry{true, {{variant, "true"}}, variant},
                               new_here ? std::optional(clock_.now()) : std::nullopt});
  }
  bool becomes(const FlagFilesPlace& place, const std::string& key, const std::string& text) {
    return eventually([&] { return files_.text(place, key) == text; });
  }
  bool is_told(const std::string& name) {
    MutexLock lock(mutex_);
    return told_.contains(flag(name));
  }

  SystemClock clock_;
  Files files_;
  RecordedMetrics metrics_;
  Mutex mutex_;
  std::set<ObjectKey> told_ GUARDED_BY(mutex_);
  std::unique_ptr<FlagSinkWriter> writer_;
};

TEST_F(FlagSinkWriterTest, WritesAllFlagsOfAFileTellsThemAndCountsEachChangeOnce) {
  make();
  want("a", "on", {kSink});
  want("b", "off", {kSink, kOther});
  EXPECT_EQ(writer_->state(flag("a")).phase, Phase::kWriting);
  writer_->start();
  EXPECT_TRUE(becomes(kPlace, "a.json", "a=on b=off"));
  EXPECT_TRUE(becomes(kOtherPlace, "b.json", "b=off"));
  EXPECT_TRUE(eventually([&] { return is_told("a") && is_told("b"); }));
  EXPECT_TRUE(eventually([&] { return writer_->state(flag("b")).phase == Phase::kWritten; }));
  const std::string series = "ripcord_flag_propagation_seconds{configmap}";
  EXPECT_EQ(metrics_.value(series), 3);
  const int calls = files_.calls();
  want("a", "on", {kSink});  // as at every reconcile
  EXPECT_EQ(writer_->state(flag("a")).phase, Phase::kWritten);
  want("a", "off", {kSink});
  EXPECT_TRUE(becomes(kPlace, "a.json", "a=off b=off"));
  EXPECT_TRUE(eventually([&] { return metrics_.value(series) == 4; }));
  EXPECT_EQ(files_.calls(), calls + 1);
}

TEST_F(FlagSinkWriterTest, TakesOutWhatIsForgottenOrMovedAndKeepsAFileWithoutFlags) {
  make();
  writer_->start();
  want("a", "on", {kSink});
  EXPECT_TRUE(becomes(kPlace, "a.json", "a=on"));
  want("a", "on", {kOther}, {kSink});
  EXPECT_TRUE(becomes(kPlace, "a.json", ""));
  EXPECT_TRUE(becomes(kOtherPlace, "b.json", "a=on"));
  writer_->forget(flag("a"));
  EXPECT_TRUE(becomes(kOtherPlace, "b.json", ""));
}

TEST_F(FlagSinkWriterTest, TriesAgainWhatFailsAndSaysWhyMeanwhile) {
  make(milliseconds(20));
  files_.fail({StatusCode::kPermissionDenied, "may not", "MissingRight"});
  writer_->start();
  want("a", "on", {kSink});
  EXPECT_TRUE(eventually([&] { return writer_->state(flag("a")).phase == Phase::kFailed; }));
  EXPECT_EQ(writer_->state(flag("a")).problem.reason(), "MissingRight");
  EXPECT_TRUE(eventually([&] { return is_told("a"); }));
  files_.fail(ok_status());
  EXPECT_TRUE(becomes(kPlace, "a.json", "a=on"));
  EXPECT_TRUE(eventually([&] { return writer_->state(flag("a")).phase == Phase::kWritten; }));
}

TEST_F(FlagSinkWriterTest, NobodyWaitsForAPlaceThatHangs) {
  make();
  files_.hang(true);
  writer_->start();
  want("a", "on", {kSink});
  EXPECT_TRUE(eventually([&] { return files_.calls() == 1; }));
  want("a", "off", {kSink});
  EXPECT_EQ(writer_->state(flag("a")).phase, Phase::kWriting);
  writer_->check_all();
  EXPECT_FALSE(writer_->stop(milliseconds(50)));
  files_.hang(false);
  EXPECT_TRUE(writer_->stop(std::chrono::minutes(1)));
}

TEST_F(FlagSinkWriterTest, RepairsWhatOthersDidAndCountsIt) {
  make(milliseconds(20));
  writer_->start();
  want("a", "on", {kSink});
  EXPECT_TRUE(becomes(kPlace, "a.json", "a=on"));
  EXPECT_TRUE(eventually([&] { return writer_->state(flag("a")).phase == Phase::kWritten; }));
  files_.spoil(kPlace);
  EXPECT_TRUE(becomes(kPlace, "a.json", "a=on"));
  EXPECT_TRUE(
      eventually([&] { return metrics_.value("ripcord_drift_repairs_total{feature_flag}") == 1; }));
}

// What an earlier process knew is neither told as new nor measured.
TEST_F(FlagSinkWriterTest, ARestartSaysNothingUntilItHasLooked) {
  make();
  want("a", "on", {kSink}, {}, false);
  EXPECT_EQ(writer_->state(flag("a")).phase, Phase::kUnchecked);
  want("a", "on", {kSink});
  EXPECT_EQ(writer_->state(flag("a")).phase, Phase::kUnchecked);
  writer_->start();
  EXPECT_TRUE(eventually([&] { return writer_->state(flag("a")).phase == Phase::kWritten; }));
  EXPECT_EQ(metrics_.value("ripcord_flag_propagation_seconds{configmap}"), 0);
}

TEST_F(FlagSinkWriterTest, AStandbyWritesNothingUntilItLeadsAndMeasuresNothingOfBefore) {
  make();
  files_.fail({StatusCode::kCancelled, "another replica leads"});
  writer_->start();
  want("a", "on", {kSink});
  EXPECT_TRUE(eventually([&] { return files_.calls() == 1; }));
  files_.fail(ok_status());
  EXPECT_EQ(files_.text(kPlace, "a.json"), "no file");
  // Again and again, since the first call may not have been settled yet.
  EXPECT_TRUE(eventually([&] {
    writer_->check_all();
    return files_.text(kPlace, "a.json") == "a=on";
  }));
  EXPECT_EQ(metrics_.value("ripcord_flag_propagation_seconds{configmap}"), 0);
}

TEST(FlagSinks, WithoutAClusterAreRefusedByAConditionThatSaysWhatToDo) {
  Resource object = make_resource(Kind::kFeatureFlag, "a");
  std::get<FeatureFlagSpec>(object.spec).sinks = {kSink};
  show_sinks(nullptr, object, true, WallTime{});
  const Condition* condition = common(object.status).conditions.find(kSinksWritten);
  ASSERT_NE(condition, nullptr);
  EXPECT_EQ(condition->status, ConditionState::kFalse);
  EXPECT_EQ(condition->reason, "OnlyOnKubernetes");
  EXPECT_NE(condition->message.find("--in-cluster"), std::string::npos);
  std::get<FeatureFlagSpec>(object.spec).sinks.clear();
  show_sinks(nullptr, object, true, WallTime{});
  EXPECT_EQ(common(object.status).conditions.find(kSinksWritten), nullptr);
}

}  // namespace
}  // namespace ripcord
