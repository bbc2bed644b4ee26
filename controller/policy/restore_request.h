// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a RestoreRequest calls for next. Pure: the same spec, status, facts and time give the same
// decision.
//
// A request restores once. When it has completed, another `spec.backup`, database or mode does not
// run it again: that takes a new request. A failed one is tried again when its spec changes. A
// drill with a schedule begins anew whenever it is due; one that was missed is made up for once.

#include "controller/base/status.h"
#include "controller/model/restore_request.h"
#include "controller/policy/plan.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ripcord {

// What the database server says of this request's restore.
struct RestoreFacts {
  bool side_exists = false;
  bool side_complete = false;
  bool swapped = false;
  bool swap_interrupted = false;
  bool previous_exists = false;
  std::string backup;  // what side or live was loaded from; empty when unknown
  bool reverted = false;
  bool revert_interrupted = false;

  bool operator==(const RestoreFacts&) const = default;
};

enum class RestoreStep {
  kLoad,
  kCount,
  kVerify,
  kSwap,
  kComplete,
  kDropSide,
  kDropPrevious,
  kRevert,
  kCompleteRevert
};
std::string_view to_string(RestoreStep step);  // "Load", ...

struct RestoreDecision {
  Plan plan;
  std::vector<RestoreStep> steps;  // in order; empty = nothing to do now
  // When there is something to do later though nothing changes: drop what is kept, drill.
  std::optional<Duration> look_again;
  std::optional<WallTime> kept_until;  // the previous database, after a swap
};

// `generation` is the object's; a failure is final for the generation that it happened in.
RestoreDecision decide_restore(const RestoreRequestSpec& spec, const RestoreRequestStatus& status,
                               std::int64_t generation, const RestoreFacts& facts, WallTime now);

// Between two runs of a drill with a schedule, or before the first.
bool waits_for_drill(const RestoreRequestSpec& spec, const RestoreRequestStatus& status);
// FailedPrecondition (TargetMissed) says which target was missed, and by how much.
Status check_targets(const RestoreTargets& targets, double rto_seconds,
                     std::optional<double> rpo_seconds);

// The backup that a completed request restored, by its history; empty when it has not completed.
std::string restored_backup(const RestoreRequestStatus& status);
std::int64_t total_rows(const std::vector<TableRows>& tables);
// FailedPrecondition (VerificationFailed) names what was expected and what was found. `answers` are
// those of `verification.queries`, in order.
Status check_restored(const RestoreVerification& verification, std::int64_t rows,
                      const std::vector<std::int64_t>& answers);

}  // namespace ripcord
