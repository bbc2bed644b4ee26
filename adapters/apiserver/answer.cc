// SPDX-License-Identifier: Apache-2.0
#include "adapters/apiserver/service_state.h"

#include <fmt/format.h>

namespace ripcord::apiserver {
namespace {

// The stores word their refusals for people of Ripcord; clients of Kubernetes know these.
Status worded(const Status& status, const Target& target) {
  const std::string object =
      fmt::format("{} \"{}\"", codec::qualified_plural(target.kind), target.name);
  switch (status.code()) {
    case StatusCode::kNotFound:
      return {status.code(), object + " not found", "NotFound"};
    case StatusCode::kAlreadyExists:
      return {status.code(), object + " already exists", "AlreadyExists"};
    case StatusCode::kConflict:
      return {
          status.code(),
          fmt::format("Operation cannot be fulfilled on {}: the object has been modified; please "
                      "apply your changes to the latest version and try again: {}",
                      object, status.message()),
          "Conflict"};
    case StatusCode::kInvalidArgument:
      return {status.code(),
              fmt::format("{}.{} \"{}\" is invalid: {}", to_string(target.kind), kApiGroup,
                          target.name, status.message()),
              "Invalid"};
    default:
      return status;
  }
}

// Stores say "FeatureFlag default/a: metadata.finalizers: why".
codec::StatusCause cause_of(const Status& status, const Target& target) {
  std::string_view rest = status.message();
  const std::string object = to_string(target.key()) + ": ";
  if (rest.starts_with(object)) {
    rest.remove_prefix(object.size());
  }
  const std::size_t end = rest.find(": ");
  const bool names_field = end != std::string_view::npos && rest.find(' ') > end;
  return {"FieldValueInvalid", std::string(names_field ? rest.substr(end + 2) : rest),
          std::string(names_field ? rest.substr(0, end) : "")};
}

}  // namespace

ServedResponse answer(int code, std::string body) {
  ServedResponse response;
  response.status = code;
  response.body = std::move(body);
  return response;
}

ServedResponse failure(const Status& status, const Target& target, codec::FailureDetails details) {
  if (!target.name.empty()) {
    details.name = target.name;
    details.group = std::string(kApiGroup);
    details.kind =
        std::string(status.reason() == "Invalid" ? to_string(target.kind) : plural(target.kind));
  }
  ServedResponse response =
      answer(codec::http_code_of(status), codec::encode_failure(status, details));
  if (details.retry_after_seconds > 0) {
    response.headers.emplace_back("Retry-After", std::to_string(details.retry_after_seconds));
  }
  return response;
}

ServedResponse store_failure(const Status& status, const Target& target) {
  codec::FailureDetails details;
  if (status.code() == StatusCode::kInvalidArgument) {
    details.causes.push_back(cause_of(status, target));
  }
  return failure(worded(status, target), target, std::move(details));
}

}  // namespace ripcord::apiserver
