// SPDX-License-Identifier: Apache-2.0
#pragma once
// A TLS client that sends and reads exactly when it is told to. It trusts anybody.

#include "tests/unit/http/raw_peer.h"

#include <csignal>
#include <memory>
#include <string>
#include <string_view>

#include <openssl/ssl.h>

namespace ripcord {

class TlsPeer {
 public:
  explicit TlsPeer(std::uint16_t port, int newest = TLS1_3_VERSION) : tcp_(port) {
    ::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to a closed connection as to a file
    SSL_CTX_set_security_level(context_.get(), 0);  // so that old versions are offered at all
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_.get(), newest);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), tcp_.fd());
  }
  // What the two agreed on ("TLSv1.2"); empty when they did not.
  std::string connect() {
    return SSL_connect(ssl_.get()) == 1 ? SSL_get_version(ssl_.get()) : std::string();
  }
  void send(std::string_view text) {
    SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
  }
  // Everything received so far, once it contains `wanted`, or at the end.
  const std::string& read_until(std::string_view wanted) {
    char bytes[16384];
    while (received_.find(wanted) == std::string::npos) {
      const int n = SSL_read(ssl_.get(), bytes, sizeof(bytes));
      if (n <= 0) {
        properly_ended_ = SSL_get_error(ssl_.get(), n) == SSL_ERROR_ZERO_RETURN;
        break;
      }
      received_.append(bytes, static_cast<std::size_t>(n));
    }
    return received_;
  }
  const std::string& read_to_end() { return read_until(std::string_view("\xff\xff no such text")); }
  // The peer said that this was all, rather than breaking off.
  bool properly_ended() const { return properly_ended_; }
  bool renegotiates() {
    return SSL_renegotiate(ssl_.get()) == 1 && SSL_do_handshake(ssl_.get()) == 1;
  }

 private:
  RawPeer tcp_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{SSL_CTX_new(TLS_client_method()),
                                                             SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, SSL_free};
  std::string received_;
  bool properly_ended_ = false;
};

}  // namespace ripcord
