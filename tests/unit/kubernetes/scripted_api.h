// SPDX-License-Identifier: Apache-2.0
#pragma once
// The API server's half of a conversation, word for word: each request must be the next of the
// script. What follows the script waits until it is stopped, as an idle watch does.

#include "controller/base/mutex.h"
#include "controller/codec/codec.h"
#include "controller/codec/wire.h"
#include "controller/ports/http_client.h"
#include "tests/support/sample_objects.h"

#include <condition_variable>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace ripcord::kubernetes {

struct Exchange {
  std::vector<std::string> wants;  // parts of the URL, the first of the method and the URL
  int status = 200;
  std::string body;                 // of a list or of a refusal
  std::vector<std::string> pieces;  // of a stream
  enum class End { kEof, kBroken, kSilent, kOpen } end = End::kOpen;
};

class ScriptedApi final : public HttpClient, public HttpStreamClient {
 public:
  explicit ScriptedApi(std::vector<Exchange> script) : script_(script.begin(), script.end()) {}

  Result<HttpResponse> send(const HttpRequest& request, std::stop_token) override {
    const Exchange exchange = next(request);
    if (exchange.end == Exchange::End::kBroken) {
      return error(StatusCode::kUnavailable, "connection refused");
    }
    HttpResponse response;
    response.status = exchange.status;
    response.body = exchange.body;
    return response;
  }

  Status stream(const HttpRequest& request, const std::function<void(std::string_view)>& sink,
                HttpResponse& refused, std::stop_token stop) override {
    const Exchange exchange = next(request);
    if (exchange.status != 200) {
      refused.status = exchange.status;
      refused.body = exchange.body;
      return ok_status();
    }
    for (const std::string& piece : exchange.pieces) {
      sink(piece);
    }
    if (exchange.end == Exchange::End::kOpen) {
      std::mutex mutex;
      std::unique_lock lock(mutex);
      std::condition_variable_any().wait(lock, stop, [] { return false; });
      return {StatusCode::kCancelled, "stopped"};
    }
    switch (exchange.end) {
      case Exchange::End::kBroken:
        return {StatusCode::kUnavailable, "connection reset"};
      case Exchange::End::kSilent:
        return {StatusCode::kDeadlineExceeded, "nothing came", std::string(kSilent)};
      default:
        return ok_status();
    }
  }

  // What was asked, such as "GET /apis/...?watch=1"; and whether all of the script was used.
  std::vector<std::string> asked() const {
    MutexLock lock(mutex_);
    return asked_;
  }
  bool done() const {
    MutexLock lock(mutex_);
    return script_.empty();
  }

 private:
  Exchange next(const HttpRequest& request) {
    MutexLock lock(mutex_);
    const std::string line = request.method + " " + request.url;
    if (line.find("ripcord.dev") != std::string::npos &&
        line.find("featureflags") == std::string::npos) {
      return {};  // of ours only this kind is of interest
    }
    asked_.push_back(line);
    if (script_.empty()) {
      return {};
    }
    Exchange exchange = std::move(script_.front());
    script_.pop_front();
    for (const std::string& part : exchange.wants) {
      EXPECT_NE(line.find(part), std::string::npos) << line << "\n  wanted: " << part;
    }
    return exchange;
  }

  mutable Mutex mutex_;
  std::deque<Exchange> script_ GUARDED_BY(mutex_);
  std::vector<std::string> asked_ GUARDED_BY(mutex_);
};

inline Resource flag_at(const std::string& name, std::int64_t version) {
  Resource flag = sample_flag(name);
  flag.meta.uid = "uid-of-" + name;
  flag.meta.generation = 1;
  flag.meta.resource_version = version;
  return flag;
}

inline std::string frame(const std::string& type, const Resource& object) {
  return codec::encode_watch_event(type, object);
}

inline std::string bookmark(std::int64_t version, bool ends_list = false) {
  return R"({"type":"BOOKMARK","object":{"kind":"FeatureFlag","metadata":{"resourceVersion":")" +
         std::to_string(version) + "\"" +
         (ends_list ? R"(,"annotations":{"k8s.io/initial-events-end":"true"})" : "") + "}}}\n";
}

}  // namespace ripcord::kubernetes
