// SPDX-License-Identifier: Apache-2.0
#include "bench/proof/timed_shadows.h"

#include <algorithm>

namespace ripcord {
namespace {

// From here to the end of the block.
class In {
 public:
  In(StageTimes& times, const std::string& stage) : times_(times) { times_.enter(stage); }
  ~In() { times_.enter(""); }
  In(const In&) = delete;
  In& operator=(const In&) = delete;

 private:
  StageTimes& times_;
};

class TimedShadow final : public ShadowDatabase {
 public:
  TimedShadow(std::unique_ptr<ShadowDatabase> real, StageTimes& times)
      : real_(std::move(real)), times_(times) {}
  ~TimedShadow() override {
    const In in(times_, "drop");
    real_.reset();
  }
  Result<SchemaCatalog> catalog() override {
    const In in(times_, "look: catalog");
    return real_->catalog();
  }
  Result<std::map<std::string, std::string>> seed(SeedRows wanted) override {
    const In in(times_, "seed rows");
    return real_->seed(wanted);
  }
  Status empty() override {
    const In in(times_, "seed rows");
    return real_->empty();
  }
  Result<ShadowContent> content() override {
    const In in(times_, "look: rows");
    return real_->content();
  }
  Status run(const std::vector<SqlStatement>& script, std::stop_token stop) override {
    const In in(times_, "up, down, up");
    return real_->run(script, std::move(stop));
  }

 private:
  std::unique_ptr<ShadowDatabase> real_;
  StageTimes& times_;
};

class TimedSchema final : public ShadowSchema {
 public:
  TimedSchema(std::unique_ptr<ShadowSchema> real, StageTimes& times)
      : real_(std::move(real)), times_(times) {}
  ~TimedSchema() override {
    const In in(times_, "drop");
    real_.reset();
  }
  Result<std::unique_ptr<ShadowDatabase>> copy(std::stop_token stop) override {
    const In in(times_, "copy the shadow");
    auto copied = real_->copy(std::move(stop));
    if (!copied) {
      return as_return(copied.error());
    }
    return std::make_unique<TimedShadow>(std::move(*copied), times_);
  }
  Result<std::unique_ptr<ShadowDatabase>> take(std::stop_token stop) override {
    const In in(times_, "connect to the shadow");
    auto taken = real_->take(std::move(stop));
    if (!taken) {
      return as_return(taken.error());
    }
    return std::make_unique<TimedShadow>(std::move(*taken), times_);
  }
  Status advance(const std::vector<SqlStatement>& up, std::stop_token stop) override {
    const In in(times_, "up once more, for the next");
    return real_->advance(up, std::move(stop));
  }

 private:
  std::unique_ptr<ShadowSchema> real_;
  StageTimes& times_;
};

}  // namespace

void StageTimes::enter(const std::string& stage) {
  const auto now = Steady::now();
  if (!now_.empty()) {
    add(now_, std::chrono::duration<double>(now - since_).count());
  }
  now_ = stage;
  since_ = now;
}

void StageTimes::add(const std::string& stage, double seconds) {
  auto at = std::find_if(stages_.begin(), stages_.end(),
                         [&](const auto& known) { return known.first == stage; });
  if (at == stages_.end()) {
    at = stages_.insert(at, {stage, 0});
  }
  at->second += seconds;
}

Result<std::unique_ptr<ShadowSchema>> TimedShadows::make(
    const DatabaseRef& target, const std::optional<DatabaseRef>& elsewhere, Duration lock_timeout,
    std::stop_token stop) {
  const In in(times_, kMakeStage);
  auto made = real_.make(target, elsewhere, lock_timeout, std::move(stop));
  if (!made) {
    return as_return(made.error());
  }
  return std::make_unique<TimedSchema>(std::move(*made), times_);
}

}  // namespace ripcord
