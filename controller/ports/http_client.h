// SPDX-License-Identifier: Apache-2.0
#pragma once
// One HTTP request and its answer. Redirects are not followed. Safe for concurrent use.

#include "controller/base/clock.h"
#include "controller/base/status.h"

#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>

namespace ripcord {

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // absolute, http or https
  std::map<std::string, std::string> headers;
  std::string body;
  Duration timeout = std::chrono::seconds(10);  // for the whole exchange
  bool new_connection = false;                  // true: do not reuse one, as a new client would
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

inline constexpr std::string_view kNotConnected = "NotConnected";
inline constexpr std::string_view kTlsFailed = "TlsFailed";
inline constexpr std::string_view kSilent = "Silent";

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // Any HTTP status is a response. Unavailable: no connection or a broken one; DeadlineExceeded;
  // Cancelled on `stop`; InvalidArgument: no such URL. Unavailable with kNotConnected or kTlsFailed
  // as its reason: the server has seen nothing of the request.
  virtual Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop = {}) = 0;
};

// For bodies that do not end, such as a watch. Apart from HttpClient, since few need it.
class HttpStreamClient {
 public:
  virtual ~HttpStreamClient() = default;
  // Hands the pieces of a 2xx body to `sink` as they arrive, until the body ends (ok), `stop` is
  // requested (Cancelled), the connection breaks (Unavailable) or nothing comes for request.timeout
  // (DeadlineExceeded; with kSilent as its reason once there was a 2xx answer).
  // Any other HTTP status: that status and the body in `refused`, and ok. The sink is called from
  // one thread at a time. Reasons as those of HttpClient.
  virtual Status stream(const HttpRequest& request,
                        const std::function<void(std::string_view)>& sink, HttpResponse& refused,
                        std::stop_token stop) = 0;
};

}  // namespace ripcord
