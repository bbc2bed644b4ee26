// SPDX-License-Identifier: Apache-2.0
#pragma once
// Private to server.cc: the bytes of one connection, plain or through TLS, which look the same from
// here. One read and one write may be under way at once; their owner keeps it alive until they
// ended. Touched by its lane's thread only.

#include "adapters/http/lane.h"

#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/ssl.hpp>

namespace ripcord::http {

class PeerSocket {
 public:
  // Without `tls` it is plain.
  PeerSocket(Socket socket, const std::shared_ptr<SSL_CTX>& tls) : socket_(std::move(socket)) {
    error_code ignored;
    socket_.set_option(Tcp::no_delay(true), ignored);
    if (tls) {
      SSL_CTX_up_ref(tls.get());
      asio::ssl::context borrowed(tls.get());  // lets go of it at once; the stream keeps its own
      tls_.emplace(socket_, borrowed);
    }
  }

  bool secured() const { return tls_ && !given_up_; }
  // What follows is as it is on the wire, for a peer that speaks no TLS. After a failed handshake.
  void give_up_tls() { given_up_ = true; }

  // done(error_code)
  template <class Done>
  void handshake(Done done) {
    tls_->async_handshake(asio::ssl::stream_base::server, std::move(done));
  }
  // done(error_code, bytes)
  template <class Done>
  void read_some(asio::mutable_buffer into, Done done) {
    if (secured()) {
      tls_->async_read_some(into, std::move(done));
    } else {
      socket_.async_read_some(into, std::move(done));
    }
  }
  // All of it; `more` is asked before each piece how much may go at once.
  template <class More, class Done>
  void write(asio::const_buffer from, More more, Done done) {
    if (secured()) {
      asio::async_write(*tls_, from, std::move(more), std::move(done));
    } else {
      asio::async_write(socket_, from, std::move(more), std::move(done));
    }
  }
  // Tells the peer that nothing more comes, and calls done() when it was told. Afterwards
  // read_some() gives what it still sends as it is on the wire, to be thrown away.
  template <class Done>
  void finish(Done done) {
    const auto half_close = [this] {
      error_code ignored;
      socket_.shutdown(Tcp::socket::shutdown_send, ignored);
    };
    if (!secured()) {
      half_close();
      return done();
    }
    tls_->async_shutdown([half_close, done = std::move(done)](const error_code&) mutable {
      half_close();
      done();
    });
  }
  template <class Done>
  void read_raw(asio::mutable_buffer into, Done done) {
    socket_.async_read_some(into, std::move(done));
  }
  void close() {
    error_code ignored;
    socket_.shutdown(Tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
  }

 private:
  Socket socket_;
  std::optional<asio::ssl::stream<Socket&>> tls_;
  bool given_up_ = false;
};

}  // namespace ripcord::http
