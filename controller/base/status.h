// SPDX-License-Identifier: Apache-2.0
#pragma once
// The outcome of an operation that can fail, and `Result<T>`: a value or that outcome.
// A code says what the caller does next; a reason is the CamelCase word that ends up in a
// condition; a message tells a person what is wrong and what to do. Value types, no threads
// involved.

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace ripcord {

enum class StatusCode {
  kOk,
  kInvalidArgument,     // the request is wrong and stays wrong: tell the person, do not retry
  kNotFound,            // it is not there
  kAlreadyExists,       // it is there already
  kConflict,            // somebody wrote in between: read again, recompute, retry at once
  kFailedPrecondition,  // right request, wrong state of the world: wait for a change, do not retry
                        // blindly
  kPermissionDenied,    // a person has to grant something
  kUnavailable,         // the other side is not reachable now: retry with back-off
  kDeadlineExceeded,    // no answer in time; the effect is unknown: observe before acting again
  kExpired,             // a cursor is too old: list again
  kResourceExhausted,   // disk, memory, connections: retry with back-off, tell the person
  kCancelled,           // we were asked to stop
  kInternal,            // a bug or a broken invariant
};

// The code's name as it is logged, e.g. "FailedPrecondition".
std::string_view to_string(StatusCode code);

class [[nodiscard]] Status {
 public:
  Status() = default;  // ok
  Status(StatusCode code, std::string message, std::string reason = {})
      : code_(code), message_(std::move(message)), reason_(std::move(reason)) {}

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  const std::string& message() const { return message_; }
  // The stable CamelCase reason; the code's name when none was given.
  std::string reason() const;
  // The same outcome with `prefix: ` before its message.
  Status annotated(std::string_view prefix) const;

  bool operator==(const Status&) const = default;

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
  std::string reason_;
};

inline Status ok_status() {
  return {};
}
// "FailedPrecondition (ApprovalRequired): message", for logs and test output.
std::string to_string(const Status& status);

template <class T>
using Result = tl::expected<T, Status>;

inline tl::unexpected<Status> error(StatusCode code, std::string message, std::string reason = {}) {
  return tl::unexpected<Status>(Status(code, std::move(message), std::move(reason)));
}

}  // namespace ripcord

// Leave the function with the error, or go on. The only macros of the project.
#define RIPCORD_CONCAT_INNER(a, b) a##b
#define RIPCORD_CONCAT(a, b) RIPCORD_CONCAT_INNER(a, b)
#define RETURN_IF_ERROR(expr)                                            \
  do {                                                                   \
    if (::ripcord::Status ripcord_status = (expr); !ripcord_status.ok()) \
      return ::ripcord::as_return(std::move(ripcord_status));            \
  } while (false)
#define ASSIGN_OR_RETURN(decl, expr)                                                           \
  auto RIPCORD_CONCAT(ripcord_result_, __LINE__) = (expr);                                     \
  if (!RIPCORD_CONCAT(ripcord_result_, __LINE__))                                              \
    return ::ripcord::as_return(std::move(RIPCORD_CONCAT(ripcord_result_, __LINE__)).error()); \
  decl = *std::move(RIPCORD_CONCAT(ripcord_result_, __LINE__))

namespace ripcord {
// What the two macros return: converts to `Status` and to every `Result<T>`.
struct [[nodiscard]] ReturnedError {
  Status status;
  operator Status() && { return std::move(status); }  // NOLINT(google-explicit-constructor)
  template <class T>
  operator tl::expected<T, Status>() && {  // NOLINT(google-explicit-constructor)
    return tl::unexpected<Status>(std::move(status));
  }
};
inline ReturnedError as_return(Status status) {
  return {std::move(status)};
}
}  // namespace ripcord
