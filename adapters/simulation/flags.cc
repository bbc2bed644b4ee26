// SPDX-License-Identifier: Apache-2.0
#include "adapters/simulation/flags.h"

#include <fmt/format.h>

namespace ripcord::simulation {

void SimulatedFlagTable::set(FlagAnswerPtr answer) {
  MutexLock lock(mutex_);
  answers_[answer->key] = answer;
}

void SimulatedFlagTable::remove(const std::string& key) {
  MutexLock lock(mutex_);
  answers_.erase(key);
}

Result<FlagAnswer> SimulatedFlagTable::evaluate(const std::string& key) {
  MutexLock lock(mutex_);
  const auto found = answers_.find(key);
  if (found == answers_.end()) {
    return error(StatusCode::kNotFound, fmt::format("no flag has the key '{}'", key));
  }
  return *found->second;
}

}  // namespace ripcord::simulation
