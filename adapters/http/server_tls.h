// SPDX-License-Identifier: Apache-2.0
#pragma once
// The certificate that a server of ours shows, from two PEM files, read again when they change:
// connections made after that see the new one. Files that do not fit each other (a rotation that is
// half done) or cannot be read leave the certificate as it is and are logged. TLS 1.2 or newer,
// without renegotiation. Thread-safe. No message or log line holds key material.

#include "controller/base/changing_file.h"
#include "controller/base/log.h"
#include "controller/base/mutex.h"

#include <memory>
#include <string>

#include <openssl/types.h>

namespace ripcord::http {

class ServerTls {
 public:
  // The clock must outlive it. Fails naming the file that is not there, or what is wrong with it.
  static Result<std::shared_ptr<ServerTls>> load(std::string certificate_file, std::string key_file,
                                                 const Clock& clock, Logger log = {});

  // For the next connection.
  std::shared_ptr<SSL_CTX> current();

 private:
  ServerTls(std::string certificate_file, std::string key_file, const Clock& clock, Logger log)
      : clock_(clock),
        log_(std::move(log)),
        certificate_(std::move(certificate_file)),
        key_(std::move(key_file)) {}
  Status reload() REQUIRES(mutex_);

  const Clock& clock_;
  const Logger log_;
  Mutex mutex_;
  ChangingFile certificate_ GUARDED_BY(mutex_);
  ChangingFile key_ GUARDED_BY(mutex_);
  std::string certificate_pem_ GUARDED_BY(mutex_);
  std::string key_pem_ GUARDED_BY(mutex_);
  std::shared_ptr<SSL_CTX> context_ GUARDED_BY(mutex_);
  std::string problem_ GUARDED_BY(mutex_);  // that was logged last
};

}  // namespace ripcord::http
