// SPDX-License-Identifier: Apache-2.0
#pragma once
// The bodies of the Kubernetes resource API: lists, watch events and Status objects, as text. Used
// by the API server and by its client, so that both agree. Pure functions, thread-safe.

#include "controller/base/status.h"
#include "controller/model/resource.h"

#include <string>
#include <string_view>
#include <vector>

namespace ripcord::codec {

// metav1.Status of a failure, and the HTTP code it travels with.
std::string encode_status(const Status& status);
int http_code(const Status& status);
// What the other side meant; `http` decides when the body is no Status object (a proxy, a
// plain-text 404).
Status decode_status(int http, std::string_view body);

std::string encode_list(Kind kind, const std::vector<ResourcePtr>& items,
                        std::int64_t resource_version);
struct DecodedList {
  std::vector<ResourcePtr> items;
  std::int64_t resource_version = 0;
  std::string continue_token;      // not empty: more follow
  std::vector<Status> unreadable;  // of objects that are left out, each names its object
};
Result<DecodedList> decode_list(std::string_view body);

// One line of a watch, with its newline. `type` is ADDED, MODIFIED or DELETED.
std::string encode_watch_event(std::string_view type, const Resource& object);
std::string encode_watch_error(const Status& status);
struct DecodedWatchEvent {
  std::string type;    // also BOOKMARK; an ERROR frame decodes to its Status instead
  ResourcePtr object;  // null for a bookmark, and for an object that cannot be read
  std::int64_t resource_version = 0;
  bool initial_list_ends = false;  // the bookmark after the first objects of a streaming list
  Status unreadable;               // why there is no object; names it
};
// The reason of what is no frame of a watch at all: what it was to tell is not known.
inline constexpr std::string_view kNoFrame = "NoFrame";
// Internal with kNoFrame for what is no frame.
Result<DecodedWatchEvent> decode_watch_event(std::string_view line);

// Whether the object of any kind in `body` has a deletionTimestamp.
bool is_being_deleted(std::string_view body);

// What the answer to a DELETE says: the object while finalizers hold it, else the uid of what is
// gone; neither when it says nothing of it.
struct DecodedDeletion {
  ResourcePtr left;
  std::string gone_uid;
};
DecodedDeletion decode_deletion(std::string_view body);

// metav1.DeleteOptions with preconditions; empty and 0 mean none.
std::string encode_delete_options(const std::string& uid, std::int64_t resource_version);

}  // namespace ripcord::codec
