// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sets up the TLS side of connections: what is trusted, the host name that is checked, our own
// certificate; and keeps why a handshake failed, since the HTTP library only says that it did.
// Immutable after make(); safe for concurrent use. No message holds key material.

#include "adapters/http/pem.h"
#include "controller/base/mutex.h"
#include "controller/ports/http_clients.h"

#include <cstdint>
#include <memory>
#include <string>

#include <openssl/types.h>

namespace ripcord::http {

// The last failure among the connections of one client.
class TlsFailures {
 public:
  void record(std::string why);
  std::uint64_t count() const;
  // What was recorded after the first `seen`; empty when nothing was.
  std::string since(std::uint64_t seen) const;

 private:
  mutable Mutex mutex_;
  std::uint64_t count_ GUARDED_BY(mutex_) = 0;
  std::string last_ GUARDED_BY(mutex_);
};

class TlsSetup {
 public:
  // InvalidArgument names the part that is wrong.
  static Result<std::shared_ptr<const TlsSetup>> make(const TlsOptions& options);

  // Prepares a context for one connection to `host`, which may be an IP address, IPv6 also in
  // brackets.
  void apply(SSL_CTX* context, const std::string& host,
             std::shared_ptr<TlsFailures> failures) const;
  // Whether a server that asks for one is shown a certificate of ours.
  bool has_certificate() const { return own_.key != nullptr; }

 private:
  TlsSetup() = default;

  std::shared_ptr<X509_STORE> trusted_;  // null: the system's
  KeyPair own_;                          // without a key: none
  std::string server_name_;
  bool verify_ = true;
};

}  // namespace ripcord::http
