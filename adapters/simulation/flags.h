// SPDX-License-Identifier: Apache-2.0
#pragma once
// Flag values served in memory and asked for in memory. Thread-safe; free of time.

#include "controller/base/mutex.h"
#include "controller/ports/flags.h"

#include <map>
#include <string>

namespace ripcord::simulation {

class SimulatedFlagTable final : public FlagServing, public FlagEvaluation {
 public:
  void set(FlagAnswerPtr answer) override;
  void remove(const std::string& key) override;
  // NotFound.
  Result<FlagAnswer> evaluate(const std::string& key) override;

 private:
  Mutex mutex_;
  std::map<std::string, FlagAnswerPtr> answers_ GUARDED_BY(mutex_);
};

}  // namespace ripcord::simulation
