// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/wire.h"

#include "controller/codec/codec.h"
#include "controller/codec/json_skim.h"

#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace ripcord::codec {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxListBytes = 256 * 1024 * 1024;

struct WireCode {
  StatusCode code;
  int http;
  std::string_view reason;
};
// The first row of a code is how it is written; every row is read.
constexpr std::array<WireCode, 15> kCodes = {
    {{StatusCode::kInvalidArgument, 422, "Invalid"},
     {StatusCode::kInvalidArgument, 400, "BadRequest"},
     {StatusCode::kNotFound, 404, "NotFound"},
     {StatusCode::kAlreadyExists, 409, "AlreadyExists"},
     {StatusCode::kConflict, 409, "Conflict"},
     {StatusCode::kFailedPrecondition, 412, "FailedPrecondition"},
     {StatusCode::kPermissionDenied, 403, "Forbidden"},
     {StatusCode::kPermissionDenied, 401, "Unauthorized"},
     {StatusCode::kUnavailable, 503, "ServiceUnavailable"},
     {StatusCode::kDeadlineExceeded, 504, "Timeout"},
     {StatusCode::kExpired, 410, "Expired"},
     {StatusCode::kExpired, 410, "Gone"},
     {StatusCode::kResourceExhausted, 507, "InsufficientStorage"},
     {StatusCode::kResourceExhausted, 429, "TooManyRequests"},
     {StatusCode::kInternal, 500, "InternalError"}}};

const WireCode& row_of(StatusCode code) {
  for (const WireCode& row : kCodes) {
    if (row.code == code) {
      return row;
    }
  }
  return kCodes.back();
}

// Depth is bounded before anything walks the tree: dumping or copying a very deep one would
// overflow the stack.
Result<Json> parse(std::string_view text) {
  try {
    const auto guard = [](int depth, Json::parse_event_t, Json&) {
      if (depth > kMaxDepth + 8) {
        throw std::length_error("nested too deep");
      }
      return true;
    };
    return Json::parse(text, guard);
  } catch (const std::exception& e) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("the body is no valid JSON: {}", e.what()));
  }
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string text_of(const Json& json, const char* key) {
  const auto at = json.is_object() ? json.find(key) : json.end();
  return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::int64_t version_of(const Json& metadata) {
  const std::string text = text_of(metadata, "resourceVersion");
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// What is wrong with an object that is well-formed JSON, and which object it is.
Status unreadable(const Json& item, const Status& why) {
  const auto metadata = item.is_object() ? item.find("metadata") : item.end();
  const bool named = metadata != item.end() && metadata->is_object();
  return why.annotated(fmt::format("{} {}/{}", text_of(item, "kind"),
                                   named ? text_of(*metadata, "namespace") : "",
                                   named ? text_of(*metadata, "name") : ""));
}

// `text` with something small instead of the value at `span`: the rest of it can then be parsed at
// little cost, and still all of it is checked.
std::string without(std::string_view text, const JsonSpan& span, std::string_view instead) {
  std::string rest(text.substr(0, span.begin));
  rest += instead;
  return rest += text.substr(span.end);
}

Status status_from(const Json& body, int http) {
  const std::string reason = text_of(body, "reason");
  const std::string message = text_of(body, "message");
  for (const WireCode& row : kCodes) {
    if (row.reason == reason) {
      return Status(row.code, message);
    }
  }
  for (const WireCode& row : kCodes) {
    if (row.http == http) {
      return Status(row.code, message);
    }
  }
  return Status(http >= 500 ? StatusCode::kUnavailable : StatusCode::kInvalidArgument, message);
}

// Of a Status in a stream, whose own HTTP status was 200. Without a code it is the server's
// failure.
int code_of(const Json& status) {
  constexpr int kServerError = 500;
  const auto at = status.is_object() ? status.find("code") : status.end();
  return at != status.end() && at->is_number_integer() ? at->get<int>() : kServerError;
}

std::string list_head(Kind kind, std::int64_t resource_version) {
  return fmt::format(
      R"({{"apiVersion":"{}","kind":"{}List","metadata":{{"resourceVersion":"{}"}},"items":[)",
      kApiVersion, to_string(kind), resource_version);
}

}  // namespace

int http_code(const Status& status) {
  return row_of(status.code()).http;
}

std::string encode_status(const Status& status) {
  const WireCode& row = row_of(status.code());
  return dump(Json{{"kind", "Status"},
                   {"apiVersion", "v1"},
                   {"metadata", Json::object()},
                   {"status", "Failure"},
                   {"message", status.message()},
                   {"reason", row.reason},
                   {"code", row.http}});
}

Status decode_status(int http, std::string_view body) {
  const Result<Json> parsed = parse(body);
  if (parsed && text_of(*parsed, "kind") == "Status") {
    return status_from(*parsed, http);
  }
  const std::string text(body.substr(0, 200));
  return status_from(Json{{"message", fmt::format("the server answered {}: {}", http, text)}},
                     http);
}

std::string encode_list(Kind kind, const std::vector<ResourcePtr>& items,
                        std::int64_t resource_version) {
  std::string text = list_head(kind, resource_version);
  for (const ResourcePtr& item : items) {
    if (text.back() == '}') {
      text += ',';
    }
    text += encode(*item);
  }
  return text + "]}";
}

Result<DecodedList> decode_list(std::string_view body) {
  if (body.size() > kMaxListBytes) {
    return error(StatusCode::kResourceExhausted, "the list is larger than 256 MiB");
  }
  // One object after the other, so that no tree of the whole list is ever in memory.
  const auto span = member_value(body, "items");
  const auto items = span ? array_values(span->of(body)) : std::nullopt;
  ASSIGN_OR_RETURN(const Json json,
                   parse(items ? without(body, *span, "null") : std::string(body)));
  if (!items) {
    return error(StatusCode::kInvalidArgument, "the body is no list: it has no 'items'");
  }
  DecodedList list;
  if (const auto metadata = json.find("metadata"); metadata != json.end()) {
    list.resource_version = version_of(*metadata);
    list.continue_token = text_of(*metadata, "continue");
  }
  for (const std::string_view item : *items) {
    Result<Resource> object = decode(item);
    if (object) {
      list.items.push_back(std::make_shared<const Resource>(*std::move(object)));
    } else {
      ASSIGN_OR_RETURN(const Json parsed, parse(item));
      list.unreadable.push_back(unreadable(parsed, object.error()));
    }
  }
  return list;
}

std::string encode_watch_event(std::string_view type, const Resource& object) {
  return fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, encode(object));
}

std::string encode_watch_error(const Status& status) {
  return fmt::format("{{\"type\":\"ERROR\",\"object\":{}}}\n", encode_status(status));
}

Result<DecodedWatchEvent> decode_watch_event(std::string_view line) {
  const auto span = member_value(line, "object");
  const Result<Json> json = parse(span ? without(line, *span, "null") : std::string(line));
  if (!json) {
    return error(StatusCode::kInternal, json.error().message(), std::string(kNoFrame));
  }
  DecodedWatchEvent event;
  event.type = text_of(*json, "type");
  if (event.type.empty() || !span) {
    return error(StatusCode::kInternal, "a watch frame has no type or no object",
                 std::string(kNoFrame));
  }
  const bool of_an_object = event.type != "ERROR" && event.type != "BOOKMARK";
  if (of_an_object) {
    Result<Resource> decoded = decode(span->of(line));
    if (decoded) {
      event.resource_version = decoded->meta.resource_version;
      event.object = std::make_shared<const Resource>(*std::move(decoded));
      return event;
    }
    event.unreadable = decoded.error();
  }
  const Result<Json> object = parse(span->of(line));
  if (!object) {
    return error(StatusCode::kInternal, object.error().message(), std::string(kNoFrame));
  }
  if (event.type == "ERROR") {
    return tl::unexpected<Status>(status_from(*object, code_of(*object)));
  }
  if (of_an_object) {
    event.unreadable = unreadable(*object, event.unreadable);
  }
  const auto metadata = object->is_object() ? object->find("metadata") : object->end();
  if (metadata != object->end() && metadata->is_object()) {
    event.resource_version = version_of(*metadata);
    const auto annotations = metadata->find("annotations");
    event.initial_list_ends = annotations != metadata->end() &&
                              text_of(*annotations, "k8s.io/initial-events-end") == "true";
  }
  return event;
}

bool is_being_deleted(std::string_view body) {
  const Result<Json> json = parse(body);
  if (!json || !json->is_object()) {
    return false;
  }
  const auto metadata = json->find("metadata");
  return metadata != json->end() && !text_of(*metadata, "deletionTimestamp").empty();
}

DecodedDeletion decode_deletion(std::string_view body) {
  const Result<Json> json = parse(body);
  if (!json) {
    return {};
  }
  if (text_of(*json, "kind") == "Status") {
    const auto details = json->find("details");
    return {nullptr, details == json->end() ? "" : text_of(*details, "uid")};
  }
  Result<Resource> object = decode(body);
  return {object ? std::make_shared<const Resource>(*std::move(object)) : nullptr, ""};
}

std::string encode_delete_options(const std::string& uid, std::int64_t resource_version) {
  Json preconditions = Json::object();
  if (!uid.empty()) {
    preconditions["uid"] = uid;
  }
  if (resource_version != 0) {
    preconditions["resourceVersion"] = std::to_string(resource_version);
  }
  return dump(Json{{"kind", "DeleteOptions"},
                   {"apiVersion", "v1"},
                   {"preconditions", std::move(preconditions)}});
}

}  // namespace ripcord::codec
