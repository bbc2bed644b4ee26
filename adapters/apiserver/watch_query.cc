// SPDX-License-Identifier: Apache-2.0
#include "adapters/apiserver/watch_query.h"

#include <algorithm>
#include <utility>

namespace ripcord::apiserver {
namespace {

constexpr std::chrono::seconds kLongestWatch = std::chrono::minutes(30);

Status forbidden(std::string message) {
  return {StatusCode::kInvalidArgument, "ListOptions.meta.k8s.io \"\" is invalid: " + message,
          "Invalid"};
}

Status check_streaming(const Query& query, bool streaming) {
  const std::string match = text_of(query, "resourceVersionMatch");
  if (streaming && match != "NotOlderThan") {
    return forbidden(
        "sendInitialEvents: Forbidden: sendInitialEvents requires setting resourceVersionMatch to "
        "NotOlderThan");
  }
  if (!streaming && !match.empty()) {
    return forbidden(
        "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless "
        "sendInitialEvents is provided");
  }
  return ok_status();
}

}  // namespace

Result<WatchQuery> watch_query(const Query& query) {
  const bool streaming = !text_of(query, "sendInitialEvents").empty();
  RETURN_IF_ERROR(check_streaming(query, streaming));
  WatchQuery wanted;
  wanted.bookmarks = is_true(query, "allowWatchBookmarks");
  wanted.initial_end = is_true(query, "sendInitialEvents") && wanted.bookmarks;
  ASSIGN_OR_RETURN(wanted.from, number_of(query, "resourceVersion", 0));
  const Result<std::int64_t> seconds = number_of(query, "timeoutSeconds", kLongestWatch.count());
  wanted.time = std::chrono::seconds(
      std::clamp<std::int64_t>(seconds.value_or(kLongestWatch.count()), 0, kLongestWatch.count()));
  wanted.state_first = streaming ? is_true(query, "sendInitialEvents") : wanted.from == 0;
  return wanted;
}

std::string_view frame_type(WatchEvent::Type type) {
  return type == WatchEvent::Type::kAdded      ? "ADDED"
         : type == WatchEvent::Type::kModified ? "MODIFIED"
                                               : "DELETED";
}

}  // namespace ripcord::apiserver
