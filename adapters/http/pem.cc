// SPDX-License-Identifier: Apache-2.0
#include "adapters/http/pem.h"

#include <utility>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

namespace ripcord::http {
namespace {

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

Bio bio_of(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// An encrypted key would be asked for at the terminal.
int no_password(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*unused*/) {
  return -1;
}

}  // namespace

Result<std::vector<std::shared_ptr<X509>>> read_certificates(const std::string& pem,
                                                             std::string_view what) {
  std::vector<std::shared_ptr<X509>> all;
  const Bio bio = bio_of(pem);
  while (X509* const one = PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr)) {
    all.emplace_back(one, X509_free);
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (all.empty() || !at_end) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("the {} is no PEM certificate ('-----BEGIN CERTIFICATE-----')", what));
  }
  return all;
}

Result<KeyPair> read_key_pair(const std::string& certificate_pem, const std::string& key_pem,
                              std::string_view whose) {
  KeyPair pair;
  ASSIGN_OR_RETURN(pair.chain,
                   read_certificates(certificate_pem, fmt::format("{} certificate", whose)));
  pair.certificate = pair.chain.front();
  pair.chain.erase(pair.chain.begin());
  const Bio bio = bio_of(key_pem);
  pair.key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr), EVP_PKEY_free);
  const bool fits = pair.key && X509_check_private_key(pair.certificate.get(), pair.key.get()) == 1;
  ERR_clear_error();
  if (!pair.key) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("the {} key is no PEM private key without a password", whose));
  }
  if (!fits) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("the {0} key is not that of the {0} certificate", whose));
  }
  return pair;
}

void use(const KeyPair& pair, SSL_CTX* context) {
  SSL_CTX_use_certificate(context, pair.certificate.get());
  for (const auto& one : pair.chain) {
    SSL_CTX_add1_chain_cert(context, one.get());
  }
  SSL_CTX_use_PrivateKey(context, pair.key.get());
}

}  // namespace ripcord::http
