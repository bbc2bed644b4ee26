// SPDX-License-Identifier: Apache-2.0
#include "tests/support/test_authority.h"

#include "tests/support/paths/paths.h"

#include <atomic>
#include <stdexcept>
#include <utility>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace ripcord {
namespace {

using Key = std::shared_ptr<EVP_PKEY>;
using Certificate = std::shared_ptr<X509>;

void check(bool ok, const char* what) {
  if (!ok) {
    throw std::runtime_error(std::string("OpenSSL cannot ") + what);
  }
}

Key make_key() {
  Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  check(key != nullptr, "make a key");
  return key;
}

template <class F>
std::string pem_of(F&& write) {
  const std::shared_ptr<BIO> bio(BIO_new(BIO_s_mem()), BIO_free);
  check(write(bio.get()) == 1, "write PEM");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

void extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  check(extension != nullptr, "make an extension");
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

Certificate unsigned_certificate(const std::string& common_name, EVP_PKEY* key,
                                 std::chrono::seconds expires_in) {
  static std::atomic<long> serial{1};
  Certificate made(X509_new(), X509_free);
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial++);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), expires_in.count());
  X509_set_pubkey(made.get(), key);
  return made;
}

}  // namespace

struct TestAuthority::Keys {
  Key key;
  Certificate certificate;
};

TestAuthority::TestAuthority(const std::string& name) : keys_(std::make_unique<Keys>()) {
  keys_->key = make_key();
  keys_->certificate = unsigned_certificate(name, keys_->key.get(), std::chrono::hours(24));
  X509* const self = keys_->certificate.get();
  X509_set_issuer_name(self, X509_get_subject_name(self));
  extend(self, self, NID_basic_constraints, "critical,CA:TRUE");
  check(X509_sign(self, keys_->key.get(), EVP_sha256()) > 0, "sign");
}

TestAuthority::~TestAuthority() = default;

std::string TestAuthority::ca_pem() const {
  return pem_of([this](BIO* bio) { return PEM_write_bio_X509(bio, keys_->certificate.get()); });
}

TestCertificate TestAuthority::issue(const std::string& common_name, const std::string& names,
                                     std::chrono::seconds expires_in) const {
  const Key key = make_key();
  const Certificate made = unsigned_certificate(common_name, key.get(), expires_in);
  X509_set_issuer_name(made.get(), X509_get_subject_name(keys_->certificate.get()));
  if (!names.empty()) {
    extend(made.get(), keys_->certificate.get(), NID_subject_alt_name, names);
  }
  check(X509_sign(made.get(), keys_->key.get(), EVP_sha256()) > 0, "sign");
  return {pem_of([&](BIO* bio) { return PEM_write_bio_X509(bio, made.get()); }),
          pem_of([&](BIO* bio) {
            return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

namespace {
ProcessOptions server_command(const std::string& folder, std::vector<std::string> options) {
  ProcessOptions command;
  command.argv = {"python3", source_dir() + "/tests/support/tls_server.py", folder};
  command.argv.insert(command.argv.end(), options.begin(), options.end());
  return command;
}
}  // namespace

TlsServer::TlsServer(const std::string& folder, std::vector<std::string> options)
    : process_(server_command(folder, std::move(options))) {
  const auto line = process_.read_line();
  if (!line) {
    throw std::runtime_error("the https server of the test did not start: " + process_.err());
  }
  port_ = static_cast<std::uint16_t>(std::stoi(*line));
}

}  // namespace ripcord
