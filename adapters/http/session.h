// SPDX-License-Identifier: Apache-2.0
#pragma once
// Private to server.cc: one connection, from its first byte to its last.

#include "adapters/http/lane.h"
#include "adapters/http/stream_sender.h"
#include "adapters/http/wire.h"

#include <optional>
#include <utility>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

namespace ripcord::http {

namespace beast = boost::beast;
using Parser = beast::http::request_parser<beast::http::string_body>;

constexpr std::size_t kReadBytes = 8 * 1024;
constexpr std::size_t kWriteBytes = 256 * 1024;
constexpr auto kLingerTime = std::chrono::seconds(2);

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

// One connection:
//
//   Reading <-> Writing -> Lingering -> (closed)
//      \------> Streaming ----^
class Session final : public std::enable_shared_from_this<Session> {
 public:
  Session(Lane& lane, Shared& shared, Socket socket, HttpService& service)
      : lane_(lane), shared_(shared), service_(service), socket_(std::move(socket)) {}
  ~Session() { shared_.connections.leave(); }

  void start() {
    if (lane_.stopping) {
      return;
    }
    error_code ignored;
    socket_.set_option(Tcp::no_delay(true), ignored);
    lane_.sessions.insert(shared_from_this());
    next_request();
  }
  void close_if_due(Steady::time_point now) {
    if (now >= deadline_) {
      close();
    }
  }
  void begin_stop() {
    keep_alive_ = false;
    if (phase_ == Phase::kReading || phase_ == Phase::kLingering) {
      close();
    } else if (sender_) {
      sender_->request_stop();
    }
  }
  void join_sender() { sender_.reset(); }

 private:
  enum class Phase { kReading, kWriting, kStreaming, kLingering };

  void next_request() {
    phase_ = Phase::kReading;
    in_request_ = false;
    continued_ = false;
    parser_.emplace();
    parser_->eager(true);
    parser_->header_limit(static_cast<std::uint32_t>(shared_.limits.header_bytes));
    parser_->body_limit(shared_.limits.body_bytes);
    deadline_ = Steady::now() + shared_.limits.idle_timeout;
    feed();
  }

  void read_more() {
    socket_.async_read_some(buffer_.prepare(kReadBytes),
                            [self = shared_from_this()](const error_code& failed, std::size_t n) {
                              self->buffer_.commit(n);
                              failed ? self->close() : self->feed();
                            });
  }

  void feed() {
    while (buffer_.size() > 0) {
      if (!in_request_) {
        in_request_ = true;
        deadline_ = Steady::now() + shared_.limits.header_timeout;
      }
      const bool had_head = parser_->is_header_done();
      error_code failed;
      buffer_.consume(parser_->put(buffer_.data(), failed));
      if (!had_head && parser_->is_header_done()) {
        deadline_ = Steady::now() + shared_.limits.body_timeout;
      }
      if (failed == beast::http::error::need_more) {
        break;
      }
      if (failed) {
        return refuse(failed);
      }
      if (parser_->is_done()) {
        return dispatch();
      }
    }
    if (parser_->is_header_done() && !continued_ &&
        beast::iequals(parser_->get()[beast::http::field::expect], "100-continue")) {
      continued_ = true;
      return write("HTTP/1.1 100 Continue\r\n\r\n", [](Session& s) {
        s.phase_ = Phase::kReading;
        s.deadline_ = Steady::now() + s.shared_.limits.body_timeout;
        s.read_more();
      });
    }
    read_more();
  }

  void refuse(const error_code& failed) {
    const ServerLimits& limits = shared_.limits;
    if (failed == beast::http::error::header_limit) {
      refuse(431, fmt::format("the request head is larger than {} bytes", limits.header_bytes));
    } else if (failed == beast::http::error::body_limit) {
      refuse(413, fmt::format("the request body is larger than {} bytes", limits.body_bytes));
    } else {
      refuse(400, fmt::format("this is no HTTP/1.1 request: {}", failed.message()));
    }
  }
  void refuse(int status, std::string_view message) {
    keep_alive_ = false;
    write(refusal(status, message), [](Session& s) { s.answered(); });
  }

  void dispatch() {
    const auto& head = parser_->get();
    const bool absolute = head.target().starts_with("http://");
    if (!head.target().starts_with('/') && !absolute && head.target() != "*") {
      return refuse(400, "the request target must start with '/'");
    }
    if (head.version() >= 11 && head.count(beast::http::field::host) != 1) {
      return refuse(400, "an HTTP/1.1 request has exactly one Host field");
    }
    keep_alive_ = parser_->keep_alive() && !lane_.stopping;
    http10_ = head.version() < 11;
    head_only_ = head.method() == beast::http::verb::head;
    const ServedRequest request = to_request(*parser_);
    ServedResponse response = serve_fenced(service_, request, shared_.log);
    if (response.stream) {
      return stream(std::move(response),
                    shared_.log.with("method", request.method).with("path", request.path));
    }
    std::optional<std::string> text =
        response_head(response, {Framing::kLength, keep_alive_, http10_});
    if (!text) {
      return refuse(500, "internal error: the service gave a header that is none");
    }
    if (!head_only_ && response.status != 204 && response.status != 304) {
      text->append(response.body);
    }
    write(std::move(*text), [](Session& s) { s.answered(); });
  }

  using Next = void (*)(Session&);
  void write(std::string text, Next next) {
    phase_ = Phase::kWriting;
    out_ = std::move(text);
    // Asked before every piece: each byte taken is a sign of life.
    const auto go_on = [this](const error_code& failed, std::size_t) -> std::size_t {
      deadline_ = Steady::now() + shared_.limits.write_timeout;
      return failed ? 0 : kWriteBytes;
    };
    asio::async_write(socket_, asio::buffer(out_), go_on,
                      [self = shared_from_this(), next](const error_code& failed, std::size_t) {
                        failed ? self->close() : next(*self);
                      });
  }

  void answered() {
    if (keep_alive_) {
      next_request();
    } else {
      linger();
    }
  }

  // Closing with unread input would reset the connection under the answer: read it off first.
  void linger() {
    if (lane_.stopping) {
      return close();
    }
    error_code ignored;
    socket_.shutdown(Tcp::socket::shutdown_send, ignored);
    phase_ = Phase::kLingering;
    deadline_ = Steady::now() + kLingerTime;
    discard();
  }
  void discard() {
    buffer_.clear();
    socket_.async_read_some(buffer_.prepare(kReadBytes),
                            [self = shared_from_this()](const error_code& failed, std::size_t) {
                              if (!failed) {
                                self->discard();
                              } else if (self->sender_) {
                                self->sender_->request_stop();  // the reader of the stream is gone
                              } else {
                                self->close();
                              }
                            });
  }

  void stream(ServedResponse response, Logger log) {
    keep_alive_ = false;
    const Framing framing = http10_ ? Framing::kUntilClose : Framing::kChunked;
    std::optional<std::string> head = response_head(response, {framing, false, http10_});
    if (!head) {
      return refuse(500, "internal error: the service gave a header that is none");
    }
    if (head_only_) {
      return write(std::move(*head), [](Session& s) { s.answered(); });
    }
    if (!shared_.streams.enter()) {
      return refuse(503, "too many open streams; close some or try again later");
    }
    phase_ = Phase::kStreaming;
    deadline_ = Steady::time_point::max();
    StreamSender::Start start;
    start.fd = socket_.native_handle();
    start.head = std::move(*head);
    start.chunked = framing == Framing::kChunked;
    start.stall_limit = shared_.limits.write_timeout;
    start.body = std::move(response.stream);
    start.log = std::move(log);
    start.on_end = [self = shared_from_this()] {
      asio::post(self->lane_.io, [self] { self->stream_ended(); });
    };
    sender_ = std::make_unique<StreamSender>(std::move(start));
    discard();
  }
  void stream_ended() {
    sender_.reset();
    shared_.streams.leave();
    close();
  }

  void close() {
    if (sender_) {
      return;  // its thread still uses the descriptor; stream_ended() comes back here
    }
    error_code ignored;
    socket_.shutdown(Tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
    deadline_ = Steady::time_point::max();
    lane_.sessions.erase(shared_from_this());
  }

  Lane& lane_;
  Shared& shared_;
  HttpService& service_;
  Socket socket_;
  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::string out_;
  std::unique_ptr<StreamSender> sender_;
  Steady::time_point deadline_ = Steady::time_point::max();
  Phase phase_ = Phase::kReading;
  bool in_request_ = false;
  bool continued_ = false;
  bool keep_alive_ = true;
  bool http10_ = false;
  bool head_only_ = false;
};

}  // namespace ripcord::http
