// SPDX-License-Identifier: Apache-2.0
#pragma once
// What one of our HTTP servers serves. Services know nothing of sockets; the server (adapters/http)
// bounds sizes and times before a service sees a request. serve() is called from several threads.

#include "controller/base/clock.h"
#include "controller/base/status.h"

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace ripcord {

struct ServedRequest {
  std::string method;                          // "GET"
  std::string path;                            // still percent-encoded, without the query
  std::string query;                           // after '?', still encoded
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// A body of unknown length, sent piece by piece on a thread of its own (a watch). A client that
// does not read is dropped, not buffered for.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  // The next piece; nothing for now when it is empty; the end when it is an error.
  virtual Result<std::string> next(std::stop_token stop) = 0;
};

struct ServedResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::unique_ptr<BodyStream> stream;  // instead of body
};

class HttpService {
 public:
  virtual ~HttpService() = default;
  virtual ServedResponse serve(const ServedRequest& request) = 0;
};

}  // namespace ripcord
