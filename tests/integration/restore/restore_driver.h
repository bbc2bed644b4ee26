// SPDX-License-Identifier: Apache-2.0
#pragma once
// Drives a restore as the strategy does, but without a store: decide and act until there is nothing
// left to do. And a trace that ends the process at its n-th point.

#include "controller/base/trace.h"
#include "controller/policy/restore_request.h"
#include "controller/ports/restore_database.h"
#include "controller/strategies/restore_run.h"
#include "tests/support/status_matchers.h"

#include <csignal>
#include <memory>
#include <unistd.h>

namespace ripcord {

inline Status drive(RestoreDatabases& databases, const RestoreOrder& order, const Backup& backup) {
  RestoreRequestSpec spec;
  spec.backup = backup.name;
  spec.approval = RestoreApproval{backup.name, "alice"};
  ASSIGN_OR_RETURN(OpenedRestore opened, databases.open(order));
  ASSIGN_OR_RETURN(const RestoreState state, opened.target->read());
  const RestoreDecision decision = decide_restore(spec, {}, 1, facts_of(state), {});
  for (const RestoreStep step : decision.steps) {
    if (step == RestoreStep::kLoad) {
      RETURN_IF_ERROR(opened.target->load(backup, {}));
    } else if (step == RestoreStep::kSwap) {
      const auto swapped = opened.target->swap({});
      RETURN_IF_ERROR(status_of(swapped));
    }
  }
  return {};
}

inline Status drive(RestoreDatabases& databases, const DatabaseRef& ref, const std::string& uid,
                    const Backup& backup) {
  return drive(databases, {ref, uid}, backup);
}

inline Trace counting(std::shared_ptr<int> count) {
  return [count = std::move(count)](std::string_view) { ++*count; };
}

inline Trace dying_at(int point) {
  return [left = std::make_shared<int>(point)](std::string_view) {
    if (--*left == 0) {
      ::kill(::getpid(), SIGKILL);
    }
  };
}

}  // namespace ripcord
