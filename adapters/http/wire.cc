// SPDX-License-Identifier: Apache-2.0
#include "adapters/http/wire.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace ripcord::http {

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Status";
  }
}

bool is_token(std::string_view text) {
  constexpr std::string_view kExtra = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kExtra.find(c) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
  });
}

std::optional<std::string> response_head(const ServedResponse& response,
                                         const HeadOptions& options) {
  if (!is_field_value(response.content_type)) {
    return std::nullopt;
  }
  std::string head;
  head.reserve(256);
  auto out = std::back_inserter(head);
  out = fmt::format_to(out, "HTTP/1.1 {} {}\r\n", response.status, reason_phrase(response.status));
  const bool no_body = response.status == 204 || response.status == 304;
  if (!no_body && !response.content_type.empty()) {
    head.append("Content-Type: ").append(response.content_type).append("\r\n");
  }
  for (const auto& [name, value] : response.headers) {
    if (!is_token(name) || !is_field_value(value)) {
      return std::nullopt;
    }
    head.append(name).append(": ").append(value).append("\r\n");
  }
  if (options.framing == Framing::kChunked) {
    head.append("Transfer-Encoding: chunked\r\n");
  } else if (options.framing == Framing::kLength && !no_body) {
    out = fmt::format_to(out, "Content-Length: {}\r\n", response.body.size());
  }
  if (!options.keep_alive) {
    head.append("Connection: close\r\n");
  } else if (options.http10) {
    head.append("Connection: keep-alive\r\n");
  }
  head.append("\r\n");
  return head;
}

std::string refusal(int status, std::string_view message) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "
      "{}\r\nConnection: close\r\n\r\n{}\n",
      status, reason_phrase(status), message.size() + 1, message);
}

}  // namespace ripcord::http
