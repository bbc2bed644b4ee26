// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a request with watch=true asks for, by the rules of the real server. A value and a pure
// function.

#include "adapters/apiserver/request.h"
#include "controller/base/clock.h"
#include "controller/ports/object_store.h"

namespace ripcord::apiserver {

struct WatchQuery {
  std::int64_t from = 0;     // 0: from the present
  bool state_first = false;  // the objects that are there, as ADDED
  bool initial_end = false;  // a streaming list: its end is marked
  bool bookmarks = false;
  std::chrono::seconds time{0};  // at most
};

// Invalid or BadRequest.
Result<WatchQuery> watch_query(const Query& query);

// "ADDED", "MODIFIED", "DELETED"
std::string_view frame_type(WatchEvent::Type type);

}  // namespace ripcord::apiserver
