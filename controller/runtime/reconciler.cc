// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/reconciler.h"

namespace ripcord {

Outcome outcome_of(const Status& status) {
  switch (status.code()) {
    case StatusCode::kOk:
      return Done{};
    case StatusCode::kConflict:
      return RequeueAfter{std::chrono::milliseconds(1), ok_status()};
    case StatusCode::kNotFound:
    case StatusCode::kCancelled:
      return AwaitChange{};
    case StatusCode::kInvalidArgument:
    case StatusCode::kFailedPrecondition:
    case StatusCode::kPermissionDenied:
    case StatusCode::kAlreadyExists:
      return Stalled{status};
    case StatusCode::kUnavailable:
    case StatusCode::kDeadlineExceeded:
    case StatusCode::kExpired:
    case StatusCode::kResourceExhausted:
    case StatusCode::kInternal:
      return RequeueAfter{std::nullopt, status};
  }
  return RequeueAfter{std::nullopt, status};
}

std::string_view to_string(const Outcome& outcome) {
  if (const auto* requeue = std::get_if<RequeueAfter>(&outcome)) {
    if (!requeue->cause.ok()) {
      return "error";
    }
    return requeue->delay ? "requeue_after" : "requeue";
  }
  return std::holds_alternative<Stalled>(outcome) ? "error" : "success";
}

}  // namespace ripcord
