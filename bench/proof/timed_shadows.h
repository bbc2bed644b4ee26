// SPDX-License-Identifier: Apache-2.0
#pragma once
// ShadowDatabases that pass everything on and add up what each call took.

#include "controller/base/trace.h"
#include "controller/ports/shadow_database.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace ripcord {

inline constexpr const char* kMakeStage = "make an empty shadow";

// One thread at a time.
class StageTimes {
 public:
  // What follows is of this stage, until the next call.
  void enter(const std::string& stage);
  const std::string& now() const { return now_; }  // empty: none
  const std::vector<std::pair<std::string, double>>& stages() const { return stages_; }

 private:
  void add(const std::string& stage, double seconds);

  using Steady = std::chrono::steady_clock;
  std::string now_;
  Steady::time_point since_;
  std::vector<std::pair<std::string, double>> stages_;  // in the order they were first met
};

class TimedShadows final : public ShadowDatabases {
 public:
  // Both outlive this and everything it makes.
  TimedShadows(ShadowDatabases& real, StageTimes& times) : real_(real), times_(times) {}
  Result<std::unique_ptr<ShadowSchema>> make(const DatabaseRef& target,
                                             const std::optional<DatabaseRef>& elsewhere,
                                             Duration lock_timeout, std::stop_token stop) override;

 private:
  ShadowDatabases& real_;
  StageTimes& times_;
};

}  // namespace ripcord
