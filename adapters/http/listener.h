// SPDX-License-Identifier: Apache-2.0
#pragma once
// Private to server.cc: one bound address. Accepts on the first lane and hands connections to all
// lanes in turn.

#include "adapters/http/server_tls.h"
#include "adapters/http/session.h"

#include <deque>
#include <memory>
#include <utility>

namespace ripcord::http {

class Listener {
 public:
  Listener(std::deque<Lane>& lanes, Shared& shared, HttpService& service,
           std::shared_ptr<ServerTls> tls)
      : lanes_(lanes),
        shared_(shared),
        service_(service),
        tls_(std::move(tls)),
        acceptor_(lanes.front().io),
        retry_(lanes.front().io) {}

  error_code open(const Tcp::endpoint& endpoint) {
    error_code failed;
    acceptor_.open(endpoint.protocol(), failed);
    if (!failed) {
      acceptor_.set_option(Acceptor::reuse_address(true), failed);
    }
    if (!failed && endpoint.address().is_v6()) {
      acceptor_.set_option(asio::ip::v6_only(!endpoint.address().is_unspecified()), failed);
    }
    if (!failed) {
      acceptor_.bind(endpoint, failed);
    }
    if (!failed) {
      acceptor_.listen(asio::socket_base::max_listen_connections, failed);
    }
    error_code ignored;
    if (failed) {
      acceptor_.close(ignored);
    }
    return failed;
  }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  void close() {
    error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
  }

  void accept() {
    Lane& lane = lanes_[next_++ % lanes_.size()];
    acceptor_.async_accept(lane.io, [this, &lane](const error_code& failed, Socket socket) {
      if (!acceptor_.is_open()) {
        return;
      }
      if (failed) {
        return accept_later();
      }
      admit(lane, std::move(socket));
      accept();
    });
  }

 private:
  // Out of descriptors: accepting again at once would spin.
  void accept_later() {
    retry_.expires_after(std::chrono::milliseconds(50));
    retry_.async_wait([this](const error_code& failed) {
      if (!failed && acceptor_.is_open()) {
        accept();
      }
    });
  }
  void admit(Lane& lane, Socket socket) {
    if (!shared_.connections.enter()) {
      if (tls_) {
        return;  // nothing can be said before the handshake
      }
      error_code ignored;
      socket.non_blocking(true, ignored);
      const std::string text = refusal(503, "too many connections; try again later");
      socket.send(asio::buffer(text), 0, ignored);
      return;
    }
    auto session = std::make_shared<Session>(lane, shared_, std::move(socket), service_,
                                             tls_ ? tls_->current() : nullptr);
    asio::post(lane.io, [session] { session->start(); });
  }

  std::deque<Lane>& lanes_;
  Shared& shared_;
  HttpService& service_;
  const std::shared_ptr<ServerTls> tls_;  // null: plain
  Acceptor acceptor_;
  Timer retry_;
  std::size_t next_ = 0;
};

}  // namespace ripcord::http
