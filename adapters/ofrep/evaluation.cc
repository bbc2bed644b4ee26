// SPDX-License-Identifier: Apache-2.0
#include "adapters/ofrep/evaluation.h"

#include "adapters/ofrep/request_text.h"
#include "controller/codec/json_text.h"

#include <fmt/format.h>

namespace ripcord::ofrep {
namespace {

tl::unexpected<Status> not_ofrep(const std::string& url, std::string_view why) {
  return error(StatusCode::kUnavailable, fmt::format("{} does not answer as OFREP: {}", url, why),
               "EndpointUnavailable");
}

}  // namespace

Result<FlagAnswer> OfrepEvaluation::evaluate(const std::string& key) {
  HttpRequest request;
  request.method = "POST";
  request.url = base_url_ + "/ofrep/v1/evaluate/flags/" + percent_encode(key);
  request.headers = {{"Content-Type", "application/json"}};
  request.body = "{\"context\":{}}";
  request.timeout = timeout_;
  ASSIGN_OR_RETURN(const HttpResponse response, client_.send(request));
  if (response.status != 200 && response.status != 404) {
    return not_ofrep(request.url, fmt::format("HTTP status {}", response.status));
  }
  const auto members = codec::json_members(response.body);
  if (!members) {
    return not_ofrep(request.url, "the body is no JSON object");
  }
  FlagAnswer answer;
  std::string code;
  for (const codec::JsonMember& member : *members) {
    if (member.name == "value") {
      answer.value = std::string(member.text);
    }
    std::string* text = member.name == "key"         ? &answer.key
                        : member.name == "variant"   ? &answer.variant
                        : member.name == "reason"    ? &answer.reason
                        : member.name == "errorCode" ? &code
                                                     : nullptr;
    if (text != nullptr) {
      ASSIGN_OR_RETURN(*text, codec::unquote_json(member.text));
    }
  }
  if (response.status == 404) {
    return code == "FLAG_NOT_FOUND"
               ? error(StatusCode::kNotFound, fmt::format("{} serves no flag '{}'", base_url_, key))
               : not_ofrep(request.url, "HTTP status 404 without FLAG_NOT_FOUND");
  }
  if (answer.key != key) {
    return not_ofrep(request.url, fmt::format("the answer is about '{}'", answer.key));
  }
  return answer;
}

}  // namespace ripcord::ofrep
