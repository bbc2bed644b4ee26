// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a control loop calls with a key, and the closed set of answers.

#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/base/status.h"
#include "controller/model/kind.h"

#include <optional>
#include <stop_token>
#include <string>
#include <variant>

namespace ripcord {

// Converged: forget the key's failures; look again at the next resync.
struct Done {};
// Look again after `delay`; without one, after the key's own exponential back-off, but no later
// than `at_most` when that is given. `cause` says why, ok when it is no failure.
struct RequeueAfter {
  std::optional<Duration> delay;
  Status cause;
  std::optional<Duration> at_most = std::nullopt;
};
// Nothing to do until the object changes.
struct AwaitChange {};
// Cannot go on until a person changes something; not retried before the next resync.
struct Stalled {
  Status cause;
};
using Outcome = std::variant<Done, RequeueAfter, AwaitChange, Stalled>;

// The one place where an error's code becomes what the loop does next.
Outcome outcome_of(const Status& status);
std::string_view to_string(
    const Outcome& outcome);  // controller-runtime's label: success, error, requeue, requeue_after

struct ReconcileRequest {
  ObjectKey key;
  std::string reconcile_id;
  std::stop_token stop;  // finish or safely abandon the step in hand
  Logger log;            // carries key and reconcile id
  // When the store took the oldest change that no reconcile has seen yet; unset when there is none.
  std::optional<MonoTime> changed = std::nullopt;
};

// Called by several threads, never by two for one key. Level-based: lost, doubled and reordered
// calls are harmless. An exception costs that key a back-off and nothing else.
class Reconciler {
 public:
  virtual ~Reconciler() = default;
  virtual Outcome reconcile(const ReconcileRequest& request) = 0;
};

}  // namespace ripcord
