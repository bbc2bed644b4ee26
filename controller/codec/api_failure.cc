// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/api_answer.h"
#include "controller/codec/api_body.h"
#include "controller/codec/api_json.h"
#include "controller/codec/wire.h"

#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

struct ReasonCode {
  std::string_view reason;
  int http;
};
constexpr std::array<ReasonCode, 16> kReasons = {{{"BadRequest", 400},
                                                  {"Unauthorized", 401},
                                                  {"Forbidden", 403},
                                                  {"NotFound", 404},
                                                  {"MethodNotAllowed", 405},
                                                  {"NotAcceptable", 406},
                                                  {"AlreadyExists", 409},
                                                  {"Conflict", 409},
                                                  {"Expired", 410},
                                                  {"Gone", 410},
                                                  {"UnsupportedMediaType", 415},
                                                  {"Invalid", 422},
                                                  {"TooManyRequests", 429},
                                                  {"InternalError", 500},
                                                  {"ServiceUnavailable", 503},
                                                  {"Timeout", 504}}};

const ReasonCode* known_reason(const Status& status) {
  for (const ReasonCode& known : kReasons) {
    if (known.reason == status.reason()) {
      return &known;
    }
  }
  return nullptr;
}

ApiJson details_json(const FailureDetails& details) {
  ApiJson json = ApiJson::object();
  const auto put = [&](const char* key, const std::string& value) {
    if (!value.empty()) {
      json[key] = value;
    }
  };
  put("name", details.name);
  put("group", details.group);
  put("kind", details.kind);
  for (const StatusCause& cause : details.causes) {
    ApiJson one = {{"reason", cause.reason}, {"message", cause.message}};
    if (!cause.field.empty()) {
      one["field"] = cause.field;
    }
    json["causes"].push_back(std::move(one));
  }
  if (details.retry_after_seconds > 0) {
    json["retryAfterSeconds"] = details.retry_after_seconds;
  }
  return json;
}

}  // namespace

int http_code_of(const Status& status) {
  const ReasonCode* known = known_reason(status);
  return known == nullptr ? http_code(status) : known->http;
}

std::string encode_failure(const Status& status, const FailureDetails& details) {
  ApiJson body = parse_own(encode_status(status));
  if (const ReasonCode* known = known_reason(status)) {
    body["reason"] = known->reason;
    body["code"] = known->http;
  }
  if (!details.continue_token.empty()) {
    body["metadata"]["continue"] = details.continue_token;
  }
  ApiJson extra = details_json(details);
  if (!extra.empty()) {
    body["details"] = std::move(extra);
  }
  return dump_json(body);
}

std::string encode_deleted(const Resource& object) {
  return dump_json(ApiJson{{"kind", "Status"},
                           {"apiVersion", "v1"},
                           {"metadata", ApiJson::object()},
                           {"status", "Success"},
                           {"details",
                            {{"name", object.meta.name},
                             {"group", kApiGroup},
                             {"kind", plural(object.kind())},
                             {"uid", object.meta.uid}}}});
}

Result<DeleteOptions> read_delete_options(std::string_view body) {
  DeleteOptions options;
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return options;
  }
  ASSIGN_OR_RETURN(const Node root, read_body(body));
  if (!root.is_map()) {
    return as_return(bad_request("DeleteOptions are an object"));
  }
  if (const Node* propagation = root.find("propagationPolicy")) {
    options.propagation = propagation->text;
  }
  if (const Node* dry_run = root.find("dryRun")) {
    options.dry_run = !dry_run->items.empty();
  }
  const Node* preconditions = root.find("preconditions");
  if (preconditions == nullptr) {
    return options;
  }
  if (const Node* uid = preconditions->find("uid")) {
    options.uid = uid->text;
  }
  if (const Node* version = preconditions->find("resourceVersion");
      version != nullptr && !version->text.empty()) {
    const char* end = version->text.data() + version->text.size();
    const auto [at, failed] = std::from_chars(version->text.data(), end, options.resource_version);
    if (failed != std::errc() || at != end) {
      return as_return(bad_request("preconditions.resourceVersion is no version of this server"));
    }
  }
  return options;
}

}  // namespace ripcord::codec
