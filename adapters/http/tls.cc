// SPDX-License-Identifier: Apache-2.0
#include "adapters/http/tls.h"

#include "adapters/http/pem.h"

#include <arpa/inet.h>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace ripcord::http {
namespace {

// What one connection's callbacks need; lives as long as its context.
struct Connection {
  std::string name;
  bool verify = true;
  std::shared_ptr<TlsFailures> failures;
};

void free_connection(void* /*parent*/, void* pointer, CRYPTO_EX_DATA* /*data*/, int /*index*/,
                     long /*arg*/, void* /*more*/) {
  delete static_cast<Connection*>(pointer);
}

int connection_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_connection);
  return index;
}

bool is_address(const std::string& name) {
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

std::string text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string address_of(const std::string& bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
  if ((bytes.size() != 4 && bytes.size() != 16) ||
      ::inet_ntop(family, bytes.data(), text.data(), text.size()) == nullptr) {
    return "?";
  }
  return text.data();
}

// Written by the other side: shown without what could disturb a log.
std::string printable(std::string text) {
  for (char& c : text) {
    c = c >= 0x20 && c < 0x7F ? c : '?';
  }
  return text.substr(0, 200);
}

std::string names_in(X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  std::string all;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()) && i < 10; ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) {
      all += fmt::format("{}{}", all.empty() ? "" : ", ", text_of(name->d.dNSName));
    } else if (name->type == GEN_IPADD) {
      all += fmt::format("{}{}", all.empty() ? "" : ", ", address_of(text_of(name->d.iPAddress)));
    }
  }
  return all.empty() ? "no name at all" : printable(all);
}

std::string explain(X509_STORE_CTX* store, const Connection& connection) {
  const int code = X509_STORE_CTX_get_error(store);
  if (code == X509_V_ERR_HOSTNAME_MISMATCH || code == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    return fmt::format("the server's certificate is not for '{}' but for {}", connection.name,
                       names_in(X509_STORE_CTX_get0_cert(store)));
  }
  std::array<char, 256> issuer{};
  if (X509* const at = X509_STORE_CTX_get_current_cert(store)) {
    X509_NAME_oneline(X509_get_issuer_name(at), issuer.data(), static_cast<int>(issuer.size()));
  }
  return fmt::format("the server's certificate is not trusted: {} (issued by '{}')",
                     X509_verify_cert_error_string(code), printable(issuer.data()));
}

// In place of the library's own check, which takes the host from where a header can change it,
// accepts a name in the subject, and says nothing of why it refuses.
int verify(X509_STORE_CTX* store, void* argument) {
  const auto& connection = *static_cast<const Connection*>(argument);
  if (!connection.verify) {
    return 1;
  }
  X509_STORE_CTX_set_verify_cb(store, [](int ok, X509_STORE_CTX*) { return ok; });
  X509_VERIFY_PARAM* const wanted = X509_STORE_CTX_get0_param(store);
  X509_VERIFY_PARAM_set_hostflags(
      wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  const int named =
      is_address(connection.name)
          ? X509_VERIFY_PARAM_set1_ip_asc(wanted, connection.name.c_str())
          : X509_VERIFY_PARAM_set1_host(wanted, connection.name.data(), connection.name.size());
  if (named == 1 && X509_verify_cert(store) == 1) {
    return 1;
  }
  connection.failures->record(explain(store, connection));
  return 0;
}

std::string explain_alert(int alert) {
  const int code = alert & 0xFF;
  const bool certificate = (code >= SSL_AD_BAD_CERTIFICATE && code <= SSL_AD_ACCESS_DENIED &&
                            code != SSL_AD_DECODE_ERROR) ||
                           code == SSL_AD_CERTIFICATE_REQUIRED || code == SSL_AD_HANDSHAKE_FAILURE;
  std::string_view advice;
  if (code == SSL_AD_PROTOCOL_VERSION) {
    advice = "; it offers no TLS 1.2 or newer";
  } else if (certificate) {
    advice = "; check the client certificate";
  }
  return fmt::format("the server refused the TLS connection: {}{}",
                     code == SSL_AD_CERTIFICATE_REQUIRED ? "certificate required"
                                                         : SSL_alert_desc_string_long(alert),
                     advice);
}

void on_event(const SSL* ssl, int where, int value) {
  const auto* const connection =
      static_cast<const Connection*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), connection_index()));
  if ((where & SSL_CB_HANDSHAKE_START) != 0 && !is_address(connection->name)) {
    // The last moment before the first message is written.
    SSL_set_tlsext_host_name(const_cast<SSL*>(ssl), connection->name.c_str());
  }
  const int code = value & 0xFF;
  if ((where & SSL_CB_ALERT) != 0 && (where & SSL_CB_READ) != 0 && code != SSL_AD_CLOSE_NOTIFY &&
      code != SSL_AD_USER_CANCELLED) {
    connection->failures->record(explain_alert(value));
  }
}

}  // namespace

void TlsFailures::record(std::string why) {
  const MutexLock lock(mutex_);
  ++count_;
  last_ = std::move(why);
}

std::uint64_t TlsFailures::count() const {
  const MutexLock lock(mutex_);
  return count_;
}

std::string TlsFailures::since(std::uint64_t seen) const {
  const MutexLock lock(mutex_);
  return count_ > seen ? last_ : std::string();
}

Result<std::shared_ptr<const TlsSetup>> TlsSetup::make(const TlsOptions& options) {
  const std::shared_ptr<TlsSetup> setup(new TlsSetup());
  setup->server_name_ = options.server_name;
  setup->verify_ = !options.insecure_skip_verify;
  if (!options.ca_pem.empty()) {
    ASSIGN_OR_RETURN(const auto trusted, read_certificates(options.ca_pem, "CA"));
    setup->trusted_.reset(X509_STORE_new(), X509_STORE_free);
    for (const auto& one : trusted) {
      X509_STORE_add_cert(setup->trusted_.get(), one.get());
    }
  }
  if (options.certificate_pem.empty() != options.private_key_pem.empty()) {
    return error(StatusCode::kInvalidArgument,
                 "a client certificate needs its private key, and a key its certificate");
  }
  if (!options.certificate_pem.empty()) {
    ASSIGN_OR_RETURN(setup->own_,
                     read_key_pair(options.certificate_pem, options.private_key_pem, "client"));
  }
  return std::shared_ptr<const TlsSetup>(setup);
}

void TlsSetup::apply(SSL_CTX* context, const std::string& host,
                     std::shared_ptr<TlsFailures> failures) const {
  std::string name = server_name_.empty() ? host : server_name_;
  if (name.size() > 2 && name.front() == '[' && name.back() == ']') {
    name = name.substr(1, name.size() - 2);
  }
  auto connection =
      std::make_unique<Connection>(Connection{std::move(name), verify_, std::move(failures)});
  SSL_CTX_set_cert_verify_callback(context, verify, connection.get());
  SSL_CTX_set_ex_data(context, connection_index(), connection.release());
  SSL_CTX_set_info_callback(context, on_event);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  if (trusted_) {
    SSL_CTX_set1_cert_store(context, trusted_.get());
  }
  if (own_.key) {
    use(own_, context);
  }
}

}  // namespace ripcord::http
