// SPDX-License-Identifier: Apache-2.0
#include "adapters/stdio/answers.h"

#include "controller/codec/message_text.h"

#include <cmath>

#include <fmt/format.h>

namespace ripcord::stdio {
namespace {

// What the schema of spec.override allows for `by` and `reason`.
constexpr std::size_t kSenderBytes = 100;
constexpr std::size_t kReasonBytes = 200;

}  // namespace

codec::MessageError message_error(const Status& status) {
  using Code = codec::MessageErrorCode;
  const auto code = [&status] {
    switch (status.code()) {
      case StatusCode::kInvalidArgument:
        return Code::kMalformedRequest;
      case StatusCode::kNotFound:
        return Code::kKeyDoesNotExist;
      case StatusCode::kAlreadyExists:
        return Code::kKeyAlreadyExists;
      case StatusCode::kFailedPrecondition:
      case StatusCode::kPermissionDenied:
        return Code::kPreconditionFailed;
      case StatusCode::kUnavailable:
      case StatusCode::kResourceExhausted:
        return Code::kTemporarilyUnavailable;
      case StatusCode::kConflict:
        return Code::kAbort;
      case StatusCode::kDeadlineExceeded:
      case StatusCode::kCancelled:
        return Code::kTimeout;
      case StatusCode::kOk:
      case StatusCode::kExpired:
      case StatusCode::kInternal:
        break;
    }
    return Code::kCrash;
  };
  return {code(), status.message()};
}

std::string sender(const codec::Message& message) {
  return message.src.empty() ? "ripcord-adapter" : codec::clipped(message.src, kSenderBytes);
}

std::string reason(std::string_view type, const codec::Message& message) {
  return codec::clipped(fmt::format("{} message {}", type, message.msg_id), kReasonBytes);
}

const HistoryEntry* last_change(const Resource& object, std::string_view to) {
  for (const HistoryEntry& entry : common(object.status).history) {
    if (entry.completed_at && entry.to == to && entry.result == "Succeeded") {
      return &entry;
    }
  }
  return nullptr;
}

double rounded_seconds(double seconds) {
  return std::round(seconds * 1e6) / 1e6;
}

std::string names_of(const std::vector<ResourcePtr>& objects) {
  std::vector<std::string> names;
  for (const ResourcePtr& object : objects) {
    names.push_back(object->meta.name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace ripcord::stdio
