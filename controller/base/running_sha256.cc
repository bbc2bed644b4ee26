// SPDX-License-Identifier: Apache-2.0
#include "controller/base/running_sha256.h"

#include <openssl/evp.h>

namespace ripcord {

RunningSha256::RunningSha256() : state_(EVP_MD_CTX_new()) {
  EVP_DigestInit_ex(state_, EVP_sha256(), nullptr);
}

RunningSha256::~RunningSha256() {
  EVP_MD_CTX_free(state_);
}

void RunningSha256::update(std::string_view bytes) {
  EVP_DigestUpdate(state_, bytes.data(), bytes.size());
}

std::string RunningSha256::digest() const {
  EVP_MD_CTX* copy = EVP_MD_CTX_new();
  EVP_MD_CTX_copy_ex(copy, state_);
  std::string bytes(32, '\0');
  EVP_DigestFinal_ex(copy, reinterpret_cast<unsigned char*>(bytes.data()), nullptr);
  EVP_MD_CTX_free(copy);
  return bytes;
}

}  // namespace ripcord
