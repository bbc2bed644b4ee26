// SPDX-License-Identifier: Apache-2.0
#pragma once
// A service that says what it was asked, streams on /stream, fails on /throw, /broken-stream and
// /bad-header.

#include "controller/base/mutex.h"
#include "controller/ports/http_service.h"

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

namespace ripcord {

// Counts up to `limit`, then ends; 0 = until stopped.
class Ticks final : public BodyStream {
 public:
  Ticks(int limit, std::size_t padding, std::atomic<int>& alive)
      : limit_(limit), padding_(padding), alive_(alive) {
    ++alive_;
  }
  ~Ticks() override { --alive_; }
  Result<std::string> next(std::stop_token stop) override {
    if ((limit_ > 0 && count_ >= limit_) || stop.stop_requested()) {
      return error(StatusCode::kCancelled, "the end");
    }
    if (++calls_ % 2 == 0) {
      return std::string();
    }
    return "tick " + std::to_string(++count_) + std::string(padding_, '.') + "\n";
  }

 private:
  const int limit_;
  const std::size_t padding_;
  std::atomic<int>& alive_;
  int count_ = 0;
  int calls_ = 0;
};

class BrokenStream final : public BodyStream {
 public:
  Result<std::string> next(std::stop_token) override {
    throw std::runtime_error("the source is gone");
  }
};

class EchoService final : public HttpService {
 public:
  ServedResponse serve(const ServedRequest& request) override {
    ServedResponse response;
    response.content_type = "text/plain";
    if (request.path == "/throw") {
      throw std::runtime_error("on purpose");
    }
    if (request.path == "/bad-header") {
      response.headers.emplace_back("X-Bad", "a\r\nX-Injected: b");
    }
    if (request.path == "/moved") {
      response.status = 302;
      response.headers.emplace_back("Location", "/elsewhere");
    }
    if (request.path == "/slow") {
      std::this_thread::sleep_for(std::chrono::milliseconds(600));
    }
    if (request.path == "/big") {
      response.body = std::string(std::stoul(request.query), 'x');
      return response;
    }
    if (request.path == "/stream") {
      response.stream =
          std::make_unique<Ticks>(request.query.empty() ? 0 : std::stoi(request.query), 0, streams);
      return response;
    }
    if (request.path == "/broken-stream") {
      response.stream = std::make_unique<BrokenStream>();
      return response;
    }
    if (request.path == "/flood") {
      response.stream = std::make_unique<Ticks>(0, 100'000, streams);
      return response;
    }
    const auto probe = request.headers.find("x-probe");
    response.body = request.method + " " + request.path + "?" + request.query + " [" +
                    (probe == request.headers.end() ? "" : probe->second) + "] " +
                    std::to_string(request.body.size()) + " " + request.body.substr(0, 64) + "\n";
    return response;
  }
  std::atomic<int> streams{0};
};

}  // namespace ripcord
