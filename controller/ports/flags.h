// SPDX-License-Identifier: Apache-2.0
#pragma once
// Serving of flag values to applications, and asking for a value the way they do.

#include "controller/base/status.h"

#include <memory>
#include <string>
#include <utility>

namespace ripcord {

// What one flag answers now: decided already, no rules left. A value.
struct FlagAnswer {
  std::string key;
  std::string value;  // JSON text; empty = the application's own default (reason DISABLED)
  std::string variant;
  std::string reason;  // OpenFeature: STATIC, DISABLED
  bool operator==(const FlagAnswer&) const = default;
};
// Immutable and shared: who decides what is served and who serves it keep one copy of it.
using FlagAnswerPtr = std::shared_ptr<const FlagAnswer>;
inline FlagAnswerPtr share(FlagAnswer answer) {
  return std::make_shared<const FlagAnswer>(std::move(answer));
}

// The evaluation table. A change is one atomic step: a reader sees the old answer or the new one.
// Thread-safe; readers never wait for writers.
class FlagServing {
 public:
  virtual ~FlagServing() = default;
  virtual void set(FlagAnswerPtr answer) = 0;  // not null
  virtual void remove(const std::string& key) = 0;
};

// Asks the evaluation endpoint over HTTP. NotFound when it does not know the flag; Unavailable.
class FlagEvaluation {
 public:
  virtual ~FlagEvaluation() = default;
  virtual Result<FlagAnswer> evaluate(const std::string& key) = 0;
};

}  // namespace ripcord
