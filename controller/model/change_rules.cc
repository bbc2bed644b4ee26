// SPDX-License-Identifier: Apache-2.0
#include "controller/model/change_rules.h"

#include <variant>

namespace ripcord {
namespace {

constexpr const char* kRestoredOnce =
    "cannot change once the request has completed, since a request restores once; create another "
    "RestoreRequest";

}  // namespace

std::vector<FieldError> validate_change(const Resource& stored, const Resource& wanted) {
  const auto* const before = std::get_if<RestoreRequestSpec>(&stored.spec);
  const auto* const after = std::get_if<RestoreRequestSpec>(&wanted.spec);
  const auto* const status = std::get_if<RestoreRequestStatus>(&stored.status);
  std::vector<FieldError> errors;
  if (before == nullptr || after == nullptr || status == nullptr ||
      status->phase != RestorePhase::kCompleted) {
    return errors;
  }
  // A drill with a schedule begins anew each time.
  if (before->backup != after->backup && before->schedule.empty()) {
    errors.push_back({"spec.backup", kRestoredOnce});
  }
  if (before->mode != after->mode) {
    errors.push_back({"spec.mode", kRestoredOnce});
  }
  if (before->database != after->database) {
    errors.push_back({"spec.database", kRestoredOnce});
  }
  // The way back is taken as the way there was.
  if (before->swap_by != after->swap_by) {
    errors.push_back({"spec.swapBy", kRestoredOnce});
  }
  return errors;
}

}  // namespace ripcord
