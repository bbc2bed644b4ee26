// SPDX-License-Identifier: Apache-2.0
#pragma once
// Private to server.cc: one connection, from its first byte to its last.

#include "adapters/http/peer_socket.h"
#include "adapters/http/serving.h"
#include "adapters/http/stream_sender.h"
#include "adapters/http/wire.h"

#include <memory>
#include <optional>
#include <utility>

#include <boost/beast/core/flat_buffer.hpp>
#include <fmt/format.h>

namespace ripcord::http {

constexpr std::size_t kReadBytes = 8 * 1024;
constexpr std::size_t kWriteBytes = 256 * 1024;
constexpr auto kLingerTime = std::chrono::seconds(2);

// One connection:
//
//   (Handshake ->) Reading <-> Writing -> Lingering -> (closed)
//                     \------> Streaming ----^
class Session final : public std::enable_shared_from_this<Session> {
 public:
  // With `tls` the peer has to shake hands first.
  Session(Lane& lane, Shared& shared, Socket socket, HttpService& service,
          const std::shared_ptr<SSL_CTX>& tls)
      : lane_(lane), shared_(shared), service_(service), socket_(std::move(socket), tls) {}
  ~Session() { shared_.connections.leave(); }

  void start() {
    if (lane_.stopping) {
      return;
    }
    lane_.sessions.insert(shared_from_this());
    if (socket_.secured()) {
      shake_hands();
    } else {
      next_request();
    }
  }
  void close_if_due(Steady::time_point now) {
    if (now >= deadline_) {
      close();
    }
  }
  void begin_stop() {
    keep_alive_ = false;
    if (phase_ != Phase::kWriting && phase_ != Phase::kStreaming) {
      close();
    } else if (sender_) {
      sender_->request_stop();
    }
  }
  // When the lane runs no more.
  void join_sender() {
    if (sender_) {
      sender_->abandon();
      sender_.reset();
    }
  }

 private:
  enum class Phase { kHandshake, kReading, kWriting, kStreaming, kLingering };

  void shake_hands() {
    phase_ = Phase::kHandshake;
    deadline_ = Steady::now() + shared_.limits.header_timeout;
    socket_.handshake([self = shared_from_this()](const error_code& failed) {
      if (!failed) {
        return self->next_request();
      }
      self->shared_.log.debug("a TLS handshake failed", {{"error", failed.message()}});
      if (failed.category() != asio::error::get_ssl_category() ||
          ERR_GET_REASON(static_cast<unsigned long>(failed.value())) != SSL_R_HTTP_REQUEST) {
        return self->close();
      }
      self->socket_.give_up_tls();
      self->refuse(400, "this address speaks TLS: write https:// instead of http://");
    });
  }

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
    socket_.read_some(buffer_.prepare(kReadBytes),
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
    put(out_, [next](Session& self, bool taken) { taken ? next(self) : self.close(); });
  }

  // `text` stays where it is until `done`. A peer that takes not one byte for a while is closed.
  template <class Done>
  void put(const std::string& text, Done done) {
    // Asked before every piece: each byte taken is a sign of life.
    const auto go_on = [this](const error_code& failed, std::size_t) -> std::size_t {
      deadline_ = Steady::now() + shared_.limits.write_timeout;
      return failed ? 0 : kWriteBytes;
    };
    socket_.write(asio::buffer(text), go_on,
                  [self = shared_from_this(), done](const error_code& failed, std::size_t) {
                    done(*self, !failed);
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
    phase_ = Phase::kLingering;
    deadline_ = Steady::now() + kLingerTime;
    socket_.finish([self = shared_from_this()] { self->discard(); });
  }
  void discard() {
    buffer_.clear();
    socket_.read_raw(buffer_.prepare(kReadBytes),
                     [self = shared_from_this()](const error_code& failed, std::size_t) {
                       failed ? self->close() : self->discard();
                     });
  }

  // What comes while a stream runs is of no interest but for its end: then its reader is gone.
  void await_leaving() {
    buffer_.clear();
    socket_.read_some(buffer_.prepare(kReadBytes),
                      [self = shared_from_this()](const error_code& failed, std::size_t) {
                        if (!failed) {
                          self->await_leaving();
                        } else if (self->sender_) {
                          self->sender_->request_stop();
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
    start.head = std::move(*head);
    start.chunked = framing == Framing::kChunked;
    start.body = std::move(response.stream);
    start.log = std::move(log);
    start.deliver = [self = shared_from_this()](std::shared_ptr<Delivery> delivery) {
      asio::post(self->lane_.io, [self, delivery] { self->deliver(delivery); });
    };
    start.on_end = [self = shared_from_this()](bool proper) {
      asio::post(self->lane_.io, [self, proper] { self->stream_ended(proper); });
    };
    sender_ = std::make_unique<StreamSender>(std::move(start));
    await_leaving();
  }
  void deliver(const std::shared_ptr<Delivery>& delivery) {
    put(delivery->text(), [delivery](Session& self, bool taken) {
      self.deadline_ = Steady::time_point::max();  // until the stream has more to say
      delivery->ended(taken);
    });
  }
  void stream_ended(bool proper) {
    sender_.reset();
    shared_.streams.leave();
    if (!proper || lane_.stopping) {
      return close();
    }
    phase_ = Phase::kLingering;
    deadline_ = Steady::now() + kLingerTime;
    socket_.finish([self = shared_from_this()] { self->close(); });
  }

  void close() {
    socket_.close();
    deadline_ = Steady::time_point::max();
    if (sender_) {
      sender_->request_stop();  // stream_ended() comes back here
    } else {
      lane_.sessions.erase(shared_from_this());
    }
  }

  Lane& lane_;
  Shared& shared_;
  HttpService& service_;
  PeerSocket socket_;
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
