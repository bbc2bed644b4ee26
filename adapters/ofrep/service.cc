// SPDX-License-Identifier: Apache-2.0
#include "adapters/ofrep/service.h"

#include "adapters/ofrep/answer_text.h"
#include "adapters/ofrep/request_text.h"
#include "controller/codec/json_text.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

namespace ripcord::ofrep {
namespace {

constexpr std::string_view kBulkPath = "/ofrep/v1/evaluate/flags";
constexpr std::string_view kAllowed = "POST, OPTIONS";

std::string_view header(const ServedRequest& request, const char* name) {
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? std::string_view() : found->second;
}

// Without the exposed ETag a browser never sees one and never gets a 304.
void allow_every_origin(ServedResponse& response) {
  response.headers.emplace_back("Access-Control-Allow-Origin", "*");
  response.headers.emplace_back("Access-Control-Expose-Headers", "ETag");
}

ServedResponse respond(int status, std::string body) {
  ServedResponse response;
  response.status = status;
  response.body = std::move(body);
  allow_every_origin(response);
  return response;
}

// One evaluation, many thousand times a second from servers, which send no Origin and have no use
// for what only browsers read.
ServedResponse evaluated(const ServedRequest& request, std::string body) {
  ServedResponse response;
  response.body = std::move(body);
  if (request.headers.contains("origin")) {
    allow_every_origin(response);
  }
  return response;
}

// `key` is null for a bulk request, `code` empty where OFREP has none.
ServedResponse failure(int status, const std::string* key, std::string_view code,
                       std::string_view details) {
  std::string body = "{";
  if (key != nullptr) {
    body += "\"key\":" + codec::quote_json(*key) + ",";
  }
  if (!code.empty()) {
    body += "\"errorCode\":" + codec::quote_json(code) + ",";
  }
  body += "\"errorDetails\":" + codec::quote_json(details) + "}";
  return respond(status, std::move(body));
}

bool is_header_list(std::string_view text) {
  constexpr std::string_view kToken =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_, ";
  return !text.empty() && text.size() <= 1024 &&
         text.find_first_not_of(kToken) == std::string_view::npos;
}

ServedResponse preflight(const ServedRequest& request) {
  ServedResponse response = respond(204, {});
  const std::string_view wanted = header(request, "access-control-request-headers");
  response.headers.emplace_back("Allow", std::string(kAllowed));
  response.headers.emplace_back("Access-Control-Allow-Methods", "POST, GET, OPTIONS");
  response.headers.emplace_back("Access-Control-Allow-Headers",
                                is_header_list(wanted)
                                    ? std::string(wanted)
                                    : "Content-Type, Authorization, X-API-Key, If-None-Match");
  response.headers.emplace_back("Access-Control-Max-Age", "600");
  return response;
}

// What is wrong with the request as such, if anything.
std::optional<ServedResponse> check(const ServedRequest& request, const std::string* key) {
  if (request.method != "POST") {
    ServedResponse refused =
        failure(405, key, "GENERAL", "flags are evaluated with POST, not " + request.method);
    refused.headers.emplace_back("Allow", std::string(kAllowed));
    return refused;
  }
  if (request.body.size() > kContextLimit) {
    return failure(
        413, key, "INVALID_CONTEXT",
        fmt::format("the body is larger than {} bytes; send a smaller context", kContextLimit));
  }
  if (request.body.empty()) {
    return std::nullopt;  // some clients send nothing when they have no context
  }
  const auto members = codec::json_members(request.body);
  if (!members) {
    return failure(400, key, "INVALID_CONTEXT",
                   "the body must be a JSON object: {\"context\": {...}}");
  }
  for (const codec::JsonMember& member : *members) {
    if (member.name == "context" && !member.text.starts_with('{') && member.text != "null") {
      return failure(400, key, "INVALID_CONTEXT", "context must be a JSON object");
    }
  }
  return std::nullopt;
}

std::string_view reason_label(std::string_view reason) {
  return reason == "STATIC" ? "static" : reason == "DISABLED" ? "disabled" : "other";
}

std::string etag_of(std::string_view body) {
  std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a
  for (const char c : body) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }
  return fmt::format("\"{:016x}-{:x}\"", hash, body.size());
}

}  // namespace

OfrepService::OfrepService(const FlagTable& table, MetricSink& metrics)
    : table_(table), metrics_(metrics) {
  for (const std::string_view reason : {"static", "disabled", "bulk"}) {
    metrics_.declare(kFlagEvaluations, {reason, "success"});
  }
  for (const std::string_view result : {"error", "not_found"}) {
    metrics_.declare(kFlagEvaluations, {"error", result});
  }
  metrics_.declare(kFlagEvaluations, {"bulk", "error"});
}

ServedResponse OfrepService::serve(const ServedRequest& request) {
  const std::string_view path = request.path;
  if (!path.starts_with(kBulkPath) ||
      (path.size() > kBulkPath.size() && path[kBulkPath.size()] != '/')) {
    return failure(404, nullptr, {},
                   "nothing is served here; evaluate flags at /ofrep/v1/evaluate/flags[/KEY]");
  }
  if (request.method == "OPTIONS") {
    return preflight(request);
  }
  if (path.size() <= kBulkPath.size() + 1) {
    return evaluate_all(request);
  }
  return evaluate_one(request, path.substr(kBulkPath.size() + 1));
}

ServedResponse OfrepService::evaluate_one(const ServedRequest& request,
                                          std::string_view encoded_key) {
  const std::string key = percent_decode(encoded_key);
  if (auto refused = check(request, &key)) {
    metrics_.add(kFlagEvaluations, {"error", "error"}, 1);
    return *std::move(refused);
  }
  const FlagAnswerPtr flag = table_.find(key);
  if (!flag) {
    metrics_.add(kFlagEvaluations, {"error", "not_found"}, 1);
    return failure(404, &key, "FLAG_NOT_FOUND",
                   "no FeatureFlag has this key; check spec.key (default: metadata.name)");
  }
  metrics_.add(kFlagEvaluations, {reason_label(flag->reason), "success"}, 1);
  return evaluated(request, evaluation_object(*flag));
}

ServedResponse OfrepService::evaluate_all(const ServedRequest& request) {
  if (auto refused = check(request, nullptr)) {
    metrics_.add(kFlagEvaluations, {"bulk", "error"}, 1);
    return *std::move(refused);
  }
  metrics_.add(kFlagEvaluations, {"bulk", "success"}, 1);
  const std::shared_ptr<const Bulk> all = bulk();
  // A client that was told of another configuration must get the values, whatever it has cached.
  const auto told = query_parameter(request.query, "flagConfigEtag");
  const bool may_be_cached = !told || opaque_tag(*told) == opaque_tag(all->etag);
  const bool cached =
      may_be_cached && none_match_names(header(request, "if-none-match"), all->etag);
  ServedResponse response = respond(cached ? 304 : 200, cached ? std::string() : all->body);
  response.headers.emplace_back("ETag", all->etag);
  return response;
}

std::shared_ptr<const OfrepService::Bulk> OfrepService::bulk() {
  const std::uint64_t revision = table_.revision();
  const MutexLock lock(mutex_);
  if (bulk_ && bulk_->revision >= revision) {
    return bulk_;
  }
  auto built = std::make_shared<Bulk>();
  built->revision = revision;
  built->body = "{\"flags\":[";
  bool first = true;
  for (const FlagAnswerPtr& flag : table_.all()) {
    built->body += std::exchange(first, false) ? "" : ",";
    built->body += evaluation_object(*flag);
  }
  built->body += "],\"metadata\":{}}";
  built->etag = etag_of(built->body);
  bulk_ = built;
  return built;
}

}  // namespace ripcord::ofrep
