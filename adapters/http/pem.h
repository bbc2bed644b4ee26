// SPDX-License-Identifier: Apache-2.0
#pragma once
// Certificates and keys from PEM text. No message holds key material. Pure functions.

#include "controller/base/status.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/types.h>

namespace ripcord::http {

// One or more certificates. InvalidArgument names `what` they are for: "CA".
Result<std::vector<std::shared_ptr<X509>>> read_certificates(const std::string& pem,
                                                             std::string_view what);

// A certificate with those that lead to its CA, and its private key.
struct KeyPair {
  std::shared_ptr<X509> certificate;
  std::vector<std::shared_ptr<X509>> chain;  // behind the certificate
  std::shared_ptr<EVP_PKEY> key;
};
// InvalidArgument names `whose` they are ("client") and what is wrong.
Result<KeyPair> read_key_pair(const std::string& certificate_pem, const std::string& key_pem,
                              std::string_view whose);
// Shows them in the connections of `context`.
void use(const KeyPair& pair, SSL_CTX* context);

}  // namespace ripcord::http
