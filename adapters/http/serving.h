// SPDX-License-Identifier: Apache-2.0
#pragma once
// Private to server.cc: from a parsed message to what a service takes, and its answer with whatever
// it throws fenced in.

#include "controller/base/log.h"
#include "controller/ports/http_service.h"

#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace ripcord::http {

namespace beast = boost::beast;
using Parser = beast::http::request_parser<beast::http::string_body>;

inline ServedRequest to_request(Parser& parser) {
  auto& message = parser.get();
  ServedRequest request;
  request.method = std::string(message.method_string());
  if (request.method == "HEAD") {
    request.method = "GET";
  }
  std::string_view target(message.target().data(), message.target().size());
  if (const std::size_t scheme = target.find("://");
      scheme != std::string_view::npos && !target.starts_with('/')) {
    const std::size_t slash = target.find('/', scheme + 3);
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  const std::size_t question = target.find('?');
  request.path = std::string(target.substr(0, question));
  if (question != std::string_view::npos) {
    request.query = std::string(target.substr(question + 1));
  }
  for (const auto& field : message) {
    std::string name(field.name_string());
    for (char& c : name) {
      c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    const auto value = field.value();
    auto [at, fresh] = request.headers.try_emplace(std::move(name), value.data(), value.size());
    if (!fresh) {
      at->second.append(", ").append(value.data(), value.size());
    }
  }
  request.body = std::move(message.body());
  return request;
}

inline ServedResponse serve_fenced(HttpService& service, const ServedRequest& request,
                                   const Logger& log) {
  std::string what = "an exception of unknown type";
  try {
    return service.serve(request);
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) {  // whatever a library throws costs its request and nothing else
  }
  log.error("a request could not be answered",
            {{"method", request.method}, {"path", request.path}, {"error", what}});
  ServedResponse failed;
  failed.status = 500;
  failed.content_type = "application/json";
  failed.body =
      R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",)"
      R"("message":"internal error: this request could not be answered; the log says why",)"
      R"("reason":"InternalError","code":500})"
      "\n";
  return failed;
}

}  // namespace ripcord::http
