// SPDX-License-Identifier: Apache-2.0
#include "adapters/http/client.h"

#include "adapters/http/tls.h"
#include "adapters/http/wire.h"
#include "controller/base/mutex.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <cpprest/containerstream.h>
#include <cpprest/http_client.h>
#include <fmt/format.h>
#include <pplx/threadpool.h>

namespace ripcord::http {
namespace {

namespace rest = web::http;
using Client = web::http::client::http_client;
using Steady = std::chrono::steady_clock;
using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kPieceBytes = 64 * 1024;
// None of what runs there waits, and each more is woken for nothing half of the time.
constexpr std::size_t kPoolThreads = 2;

void start_pool_once() {
  static const bool started = [] {
    try {
      crossplat::threadpool::initialize_with_threads(kPoolThreads);
    } catch (const std::exception&) {
      return false;  // somebody started it first; it works all the same
    }
    return true;
  }();
  (void)started;
}

// Runs what follows a task on the thread that ended it: for what is short and never waits, and not
// worth another thread of the pool.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"  // the library's base has none; nobody deletes
class AtOnce final : public pplx::scheduler_interface {
 public:
  void schedule(pplx::TaskProc_t work, void* argument) override { work(argument); }
};
#pragma GCC diagnostic pop

pplx::task_options at_once() {
  static const auto scheduler = std::make_shared<AtOnce>();
  return {scheduler};
}

// The end of one exchange's time: what is waited for ends by itself, or is cancelled.
class Limit {
 public:
  Limit(Duration timeout, std::stop_token stop)
      : deadline_(Steady::now() + timeout), stop_(std::move(stop)) {}

  pplx::cancellation_token token() const { return source_.get_token(); }
  // For a body without an end: the time counts from here again.
  void restart(Duration timeout) { deadline_ = Steady::now() + timeout; }

  // Waits for `task`, at most until the deadline or the stop.
  template <class T>
  Result<T> wait(pplx::task<T> task) {
    if (task.is_done()) {
      return task.get();
    }
    const auto gate = std::make_shared<Gate>();
    // Runs whether the task has a value, failed or was cancelled. The library ends the process when
    // nobody ever looked at an exception, so this does, also when the wait was given up.
    task.then(
        [gate](pplx::task<T> ended) {
          try {
            ended.wait();
          } catch (const std::exception&) {
            gate->open();
            return;
          }
          gate->open();
        },
        at_once());
    const std::stop_callback wake(stop_, [gate] { gate->open(); });
    gate->wait_until(deadline_);
    if (task.is_done()) {
      return task.get();
    }
    source_.cancel();
    if (stop_.stop_requested()) {
      return error(StatusCode::kCancelled, "the request was cancelled");
    }
    return error(StatusCode::kDeadlineExceeded, "no complete answer in time");
  }

 private:
  class Gate {
   public:
    void open() {
      const MutexLock lock(mutex_);
      open_ = true;
      changed_.notify_all();
    }
    void wait_until(Steady::time_point deadline) {
      const MutexLock lock(mutex_);
      while (!open_ && changed_.wait_until(mutex_, deadline)) {
      }
    }

   private:
    Mutex mutex_;
    CondVar changed_;
    bool open_ GUARDED_BY(mutex_) = false;
  };

  Steady::time_point deadline_;
  const std::stop_token stop_;
  pplx::cancellation_token_source source_;
};

Result<web::uri> checked_url(const HttpRequest& request) {
  const auto refused = [](std::string why) {
    return error(StatusCode::kInvalidArgument, std::move(why));
  };
  if (!is_token(request.method)) {
    return refused(fmt::format("'{}' is no HTTP method", request.method));
  }
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name) || !is_field_value(value)) {
      return refused(
          fmt::format("header '{}' has a character that no header may have (such as a line break)",
                      is_token(name) ? name : "?"));
    }
  }
  web::uri url(request.url);
  if ((url.scheme() != "http" && url.scheme() != "https") || url.host().empty()) {
    return refused("the URL must be absolute and start with http:// or https://");
  }
  return url;
}

rest::http_request to_rest(const HttpRequest& request, const web::uri& url) {
  rest::http_request out(request.method);
  out.set_request_uri(url.resource());
  if (!request.body.empty()) {
    out.set_body(request.body, "application/octet-stream");
  }
  for (const auto& [name, value] : request.headers) {
    out.headers()[name] = value;
  }
  return out;
}

std::string lower(std::string text) {
  for (char& c : text) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return text;
}

// What the server said; 0 when it did not say, or sent it compressed.
std::size_t announced_bytes(const rest::http_response& response) {
  return response.headers().has(rest::header_names::content_encoding)
             ? 0
             : static_cast<std::size_t>(response.headers().content_length());
}

// An answer of one piece is complete when the task is: the calling thread is woken once for it.
pplx::task<rest::http_response> whole_if_small(const rest::http_response& response) {
  const std::size_t bytes = announced_bytes(response);
  return bytes > 0 && bytes <= kPieceBytes ? response.content_ready()
                                           : pplx::task_from_result(response);
}

Result<std::string> read_body(const rest::http_response& response, Limit& limit, std::size_t most) {
  const std::size_t announced = announced_bytes(response);
  const std::size_t piece_bytes =
      announced > 0 && announced < kPieceBytes ? announced : kPieceBytes;
  std::string body;
  if (announced > 0 && announced <= std::min(kPieceBytes, most)) {
    body.resize(announced);
    auto* bytes = reinterpret_cast<std::uint8_t*>(body.data());
    if (response.body().streambuf().scopy(bytes, announced) == announced) {
      return body;  // without a task for what is there already
    }
    body.clear();
  }
  for (;;) {
    // Each piece has a buffer of its own: a read that is given up may still write to it.
    concurrency::streams::container_buffer<Bytes> piece;
    ASSIGN_OR_RETURN(const std::size_t got, limit.wait(response.body().read(piece, piece_bytes)));
    if (got == 0) {
      return body;
    }
    // The buffer grows in whole pieces: only the first `got` bytes were read.
    body.append(reinterpret_cast<const char*>(piece.collection().data()), got);
    if (body.size() > most) {
      return error(StatusCode::kResourceExhausted,
                   fmt::format("the answer is larger than {} bytes", most));
    }
    if (body.size() == announced) {
      return body;
    }
  }
}

HttpResponse head_of(const rest::http_response& answer) {
  HttpResponse response;
  response.status = answer.status_code();
  for (const auto& [name, value] : answer.headers()) {
    response.headers.emplace(lower(name), value);
  }
  return response;
}

Status silent(const Status& ended, Duration silence) {
  return ended.code() != StatusCode::kDeadlineExceeded
             ? ended
             : Status(StatusCode::kDeadlineExceeded,
                      fmt::format("nothing came for {} s",
                                  std::chrono::ceil<std::chrono::seconds>(silence).count()),
                      std::string(kSilent));
}

// Hands on what has arrived as soon as anything has: a read of a fixed size would wait until it is
// full.
Status read_pieces(const rest::http_response& response, Limit& limit, Duration silence,
                   const std::function<void(std::string_view)>& sink) {
  auto arrived = response.body().streambuf();
  for (;;) {
    limit.restart(silence);
    const Result<int> first = limit.wait(arrived.bumpc());
    if (!first) {
      return silent(first.error(), silence);
    }
    if (*first == decltype(arrived)::traits::eof()) {
      return ok_status();
    }
    std::string piece(1, static_cast<char>(*first));
    std::uint8_t* block = nullptr;
    std::size_t bytes = 0;
    while (piece.size() < kPieceBytes && arrived.acquire(block, bytes) && bytes > 0) {
      bytes = std::min(bytes, kPieceBytes - piece.size());
      piece.append(reinterpret_cast<const char*>(block), bytes);
      arrived.release(block, bytes);
    }
    sink(piece);
  }
}

Result<HttpResponse> exchange(Client& client, const rest::http_request& request, Limit& limit,
                              std::size_t most) {
  ASSIGN_OR_RETURN(
      const rest::http_response answer,
      limit.wait(client.request(request, limit.token()).then(whole_if_small, at_once())));
  HttpResponse response = head_of(answer);
  ASSIGN_OR_RETURN(response.body, read_body(answer, limit, most));
  return response;
}

// A client object of the library for one origin: connections are kept in it.
struct Origin {
  std::shared_ptr<Client> client;
  std::shared_ptr<TlsFailures> failures = std::make_shared<TlsFailures>();
};

using Tls = Result<std::shared_ptr<const TlsSetup>>;

bool has_certificate(const Tls& tls) {
  return tls && (*tls)->has_certificate();
}

Origin make_origin(const web::uri& url, const std::shared_ptr<const TlsSetup>& tls) {
  Origin origin;
  rest::client::http_client_config config;
  config.set_max_redirects(0);
  // The library's timeout counts idle time only; ours is the whole exchange, see Limit.
  config.set_timeout(std::chrono::milliseconds(2147483647));
  config.set_tlsext_sni_enabled(false);  // TlsSetup does, with the right name
  config.set_ssl_context_callback(
      [tls, host = url.host(), failures = origin.failures](boost::asio::ssl::context& context) {
        tls->apply(context.native_handle(), host, failures);
      });
  origin.client = std::make_shared<Client>(url.authority(), config);
  return origin;
}

// What the library says when nothing of the request has left yet.
bool before_sending(std::string_view what) {
  return what.starts_with("Failed to connect") || what.starts_with("Error resolving address") ||
         what.starts_with("Failed to resolve address");
}

Status failure_of(const rest::http_exception& e, const std::string& tls, bool has_certificate) {
  const std::string_view what = e.what();
  if (!tls.empty()) {
    return Status(StatusCode::kUnavailable, tls, std::string(kTlsFailed));
  }
  // TLS 1.3: the server looks at our certificate when we have begun to send, and closes.
  if (has_certificate && what.starts_with("Failed to write request")) {
    return Status(StatusCode::kUnavailable,
                  "the server closed the connection before the request was sent; does it take the "
                  "client certificate?",
                  std::string(kTlsFailed));
  }
  if (what.starts_with("Error in SSL handshake")) {
    return Status(StatusCode::kUnavailable,
                  "the TLS handshake failed; does an https server listen there?",
                  std::string(kTlsFailed));
  }
  if (before_sending(what)) {
    return Status(StatusCode::kUnavailable, std::string(what), std::string(kNotConnected));
  }
  return Status(e.error_code() == std::errc::timed_out ? StatusCode::kDeadlineExceeded
                                                       : StatusCode::kUnavailable,
                std::string(what));
}

class CpprestClient final : public HttpClient {
 public:
  CpprestClient(ClientLimits limits, Tls tls) : limits_(limits), tls_(std::move(tls)) {
    start_pool_once();
  }

  Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) override {
    Result<HttpResponse> response = attempt(request, std::move(stop));
    if (!response) {
      return tl::unexpected<Status>(
          response.error().annotated(fmt::format("{} {}", request.method, request.url)));
    }
    return response;
  }

 private:
  Result<HttpResponse> attempt(const HttpRequest& request, std::stop_token stop) {
    std::shared_ptr<TlsFailures> failures;
    std::uint64_t seen = 0;
    try {
      ASSIGN_OR_RETURN(const web::uri url, checked_url(request));
      ASSIGN_OR_RETURN(const std::shared_ptr<const TlsSetup> tls, tls_);
      Limit limit(request.timeout, std::move(stop));
      const Origin origin = origin_of(url, tls, request.new_connection);
      failures = origin.failures;
      seen = failures->count();
      Result<HttpResponse> response =
          exchange(*origin.client, to_rest(request, url), limit, limits_.response_bytes);
      if (!response && response.error().code() == StatusCode::kDeadlineExceeded) {
        forget(url, origin);
      }
      return response;
    } catch (const web::uri_exception& e) {
      return error(StatusCode::kInvalidArgument, e.what());
    } catch (const rest::http_exception& e) {
      return tl::unexpected<Status>(
          failure_of(e, failures ? failures->since(seen) : "", has_certificate(tls_)));
    } catch (const std::exception& e) {
      return error(StatusCode::kUnavailable, e.what());
    }
  }

  Origin origin_of(const web::uri& url, const std::shared_ptr<const TlsSetup>& tls, bool fresh) {
    if (fresh) {
      return make_origin(url, tls);
    }
    const std::string key = url.authority().to_string();
    const MutexLock lock(mutex_);
    if (const auto found = origins_.find(key); found != origins_.end()) {
      return found->second;
    }
    if (origins_.size() >= limits_.origins) {
      origins_.clear();  // requests in hand keep their own
    }
    return origins_[key] = make_origin(url, tls);
  }

  // A peer that went without a word leaves connections that look alive: after a request that was
  // not answered in time, none that is kept is trusted with the next.
  void forget(const web::uri& url, const Origin& origin) {
    const MutexLock lock(mutex_);
    const auto found = origins_.find(url.authority().to_string());
    if (found != origins_.end() && found->second.client == origin.client) {
      origins_.erase(found);
    }
  }

  const ClientLimits limits_;
  const Tls tls_;
  Mutex mutex_;
  std::map<std::string, Origin> origins_ GUARDED_BY(mutex_);
};

class CpprestStreamClient final : public HttpStreamClient {
 public:
  explicit CpprestStreamClient(Tls tls) : tls_(std::move(tls)) { start_pool_once(); }

  Status stream(const HttpRequest& request, const std::function<void(std::string_view)>& sink,
                HttpResponse& refused, std::stop_token stop) override {
    const Status ended = attempt(request, sink, refused, std::move(stop));
    return ended.ok() ? ended : ended.annotated(fmt::format("{} {}", request.method, request.url));
  }

 private:
  static constexpr std::size_t kRefusalBytes = 1024 * 1024;

  Status attempt(const HttpRequest& request, const std::function<void(std::string_view)>& sink,
                 HttpResponse& refused, std::stop_token stop) {
    std::shared_ptr<TlsFailures> failures;
    try {
      ASSIGN_OR_RETURN(const web::uri url, checked_url(request));
      ASSIGN_OR_RETURN(const std::shared_ptr<const TlsSetup> tls, tls_);
      Limit limit(request.timeout, std::move(stop));
      const Origin origin = make_origin(url, tls);
      failures = origin.failures;
      ASSIGN_OR_RETURN(const rest::http_response answer,
                       limit.wait(origin.client->request(to_rest(request, url), limit.token())));
      if (answer.status_code() / 100 != 2) {
        refused = head_of(answer);
        ASSIGN_OR_RETURN(refused.body, read_body(answer, limit, kRefusalBytes));
        return ok_status();
      }
      return read_pieces(answer, limit, request.timeout, sink);
    } catch (const rest::http_exception& e) {
      return failure_of(e, failures ? failures->since(0) : "", has_certificate(tls_));
    } catch (const std::exception& e) {
      return Status(StatusCode::kUnavailable, e.what());
    }
  }

  const Tls tls_;
};

}  // namespace

std::unique_ptr<HttpStreamClient> make_http_stream_client(const TlsOptions& tls) {
  return std::make_unique<CpprestStreamClient>(TlsSetup::make(tls));
}

std::unique_ptr<HttpClient> make_http_client(ClientLimits limits, const TlsOptions& tls) {
  return std::make_unique<CpprestClient>(limits, TlsSetup::make(tls));
}

Result<HttpClients> make_http_clients(const TlsOptions& tls) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const TlsSetup> setup, TlsSetup::make(tls));
  return HttpClients{std::make_unique<CpprestClient>(ClientLimits{}, setup),
                     std::make_unique<CpprestStreamClient>(setup)};
}

}  // namespace ripcord::http
