// SPDX-License-Identifier: Apache-2.0
#include "controller/base/status.h"

namespace ripcord {

std::string_view to_string(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return "OK";
    case StatusCode::kInvalidArgument:
      return "InvalidArgument";
    case StatusCode::kNotFound:
      return "NotFound";
    case StatusCode::kAlreadyExists:
      return "AlreadyExists";
    case StatusCode::kConflict:
      return "Conflict";
    case StatusCode::kFailedPrecondition:
      return "FailedPrecondition";
    case StatusCode::kPermissionDenied:
      return "PermissionDenied";
    case StatusCode::kUnavailable:
      return "Unavailable";
    case StatusCode::kDeadlineExceeded:
      return "DeadlineExceeded";
    case StatusCode::kExpired:
      return "Expired";
    case StatusCode::kResourceExhausted:
      return "ResourceExhausted";
    case StatusCode::kCancelled:
      return "Cancelled";
    case StatusCode::kInternal:
      return "Internal";
  }
  return "Unknown";
}

std::string Status::reason() const {
  return reason_.empty() ? std::string(to_string(code_)) : reason_;
}

Status Status::annotated(std::string_view prefix) const {
  Status copy = *this;
  if (!ok()) {
    copy.message_ = std::string(prefix) + ": " + message_;
  }
  return copy;
}

std::string to_string(const Status& status) {
  if (status.ok()) {
    return "OK";
  }
  std::string text(to_string(status.code()));
  if (status.reason() != text) {
    text += " (" + status.reason() + ")";
  }
  return text + ": " + status.message();
}

}  // namespace ripcord
