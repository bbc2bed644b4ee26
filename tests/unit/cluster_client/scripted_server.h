// SPDX-License-Identifier: Apache-2.0
#pragma once
// A server without a network: answers as the test says, and keeps what it was sent. Thread-safe.

#include "controller/base/mutex.h"
#include "controller/ports/http_clients.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace ripcord {

class ScriptedServer {
 public:
  using Answer = std::function<Result<HttpResponse>(const HttpRequest&)>;

  // To each request that no `then` answers.
  Answer otherwise = [](const HttpRequest&) { return status(200); };

  static Result<HttpResponse> status(int code, std::map<std::string, std::string> headers = {}) {
    return HttpResponse{code, std::move(headers), "{}"};
  }
  static Result<HttpResponse> failure(std::string_view reason) {
    return error(StatusCode::kUnavailable, "scripted", std::string(reason));
  }
  // The next answers, in order.
  ScriptedServer& then(Result<HttpResponse> answer) {
    const MutexLock lock(mutex_);
    answers_.push_back(std::move(answer));
    return *this;
  }

  HttpClientFactory factory() {
    return [this](const TlsOptions& tls) -> Result<HttpClients> {
      const MutexLock lock(mutex_);
      if (tls.ca_pem == "broken") {
        return error(StatusCode::kInvalidArgument, "the CA is no PEM certificate");
      }
      made_.push_back(tls);
      return HttpClients{std::make_unique<Client>(*this), std::make_unique<Client>(*this)};
    };
  }

  std::vector<HttpRequest> seen() const {
    const MutexLock lock(mutex_);
    return seen_;
  }
  std::vector<TlsOptions> made() const {
    const MutexLock lock(mutex_);
    return made_;
  }

 private:
  class Client final : public HttpClient, public HttpStreamClient {
   public:
    explicit Client(ScriptedServer& server) : server_(server) {}
    Result<HttpResponse> send(const HttpRequest& request, std::stop_token /*stop*/) override {
      return server_.answer(request);
    }
    Status stream(const HttpRequest& request, const std::function<void(std::string_view)>& sink,
                  HttpResponse& refused, std::stop_token /*stop*/) override {
      Result<HttpResponse> response = server_.answer(request);
      if (!response) {
        return response.error();
      }
      if (response->status != 200) {
        refused = *response;
      } else {
        sink(response->body);
      }
      return ok_status();
    }

   private:
    ScriptedServer& server_;
  };

  Result<HttpResponse> answer(const HttpRequest& request) {
    {
      const MutexLock lock(mutex_);
      seen_.push_back(request);
      if (!answers_.empty()) {
        Result<HttpResponse> next = std::move(answers_.front());
        answers_.erase(answers_.begin());
        return next;
      }
    }
    return otherwise(request);
  }

  mutable Mutex mutex_;
  std::vector<Result<HttpResponse>> answers_ GUARDED_BY(mutex_);
  std::vector<HttpRequest> seen_ GUARDED_BY(mutex_);
  std::vector<TlsOptions> made_ GUARDED_BY(mutex_);
};

}  // namespace ripcord
