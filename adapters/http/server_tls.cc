// SPDX-License-Identifier: Apache-2.0
#include "adapters/http/server_tls.h"

#include "adapters/http/pem.h"

#include <utility>

#include <fmt/format.h>
#include <openssl/ssl.h>

namespace ripcord::http {
namespace {

std::shared_ptr<SSL_CTX> context_of(const KeyPair& pair) {
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  use(pair, context.get());
  return context;
}

}  // namespace

Result<std::shared_ptr<ServerTls>> ServerTls::load(std::string certificate_file,
                                                   std::string key_file, const Clock& clock,
                                                   Logger log) {
  std::shared_ptr<ServerTls> made(
      new ServerTls(std::move(certificate_file), std::move(key_file), clock, std::move(log)));
  const MutexLock lock(made->mutex_);
  RETURN_IF_ERROR(made->reload());
  return made;
}

// A text that was read is kept even when its pair does not fit yet: the other file follows.
Status ServerTls::reload() {
  const WallTime now = clock_.wall_now();
  ASSIGN_OR_RETURN(std::optional<std::string> certificate, certificate_.changed(now));
  const bool fresh = certificate.has_value() || !problem_.empty();
  if (certificate) {
    certificate_pem_ = *std::move(certificate);
  }
  ASSIGN_OR_RETURN(std::optional<std::string> key, key_.changed(now));
  if (key) {
    key_pem_ = *std::move(key);
  } else if (!fresh) {
    return ok_status();
  }
  const Result<KeyPair> pair = read_key_pair(certificate_pem_, key_pem_, "server");
  if (!pair) {
    return pair.error().annotated(fmt::format("{}, {}", certificate_.path(), key_.path()));
  }
  context_ = context_of(*pair);
  return ok_status();
}

std::shared_ptr<SSL_CTX> ServerTls::current() {
  const MutexLock lock(mutex_);
  const std::shared_ptr<SSL_CTX> before = context_;
  const Status read = reload();
  if (!read.ok() && read.message() != problem_) {
    log_.warning("the new TLS certificate is not used; the old one stays",
                 {{"error", read.message()}});
  } else if (context_ != before) {
    log_.info("the TLS certificate was read again", {{"file", certificate_.path()}});
  }
  problem_ = read.ok() ? "" : read.message();
  return context_;
}

}  // namespace ripcord::http
