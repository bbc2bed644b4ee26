// SPDX-License-Identifier: Apache-2.0
#pragma once
// A certificate authority that a test makes for itself, and an https server with its certificates.
// Failures abort the test with std::runtime_error.

#include "tests/support/process.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ripcord {

struct TestCertificate {
  std::string certificate_pem;
  std::string private_key_pem;
};

class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name = "test CA");
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  std::string ca_pem() const;
  // `names` as OpenSSL writes them: "DNS:localhost,IP:127.0.0.1"; empty for a client. Valid from an
  // hour ago to `expires_in` from now, which may lie in the past.
  TestCertificate issue(const std::string& common_name, const std::string& names = {},
                        std::chrono::seconds expires_in = std::chrono::hours(24)) const;

 private:
  struct Keys;
  std::unique_ptr<Keys> keys_;
};

// tests/support/tls_server.py with the files of `folder`, until it is dropped.
class TlsServer {
 public:
  explicit TlsServer(const std::string& folder, std::vector<std::string> options = {});
  std::uint16_t port() const { return port_; }

 private:
  ChildProcess process_;
  std::uint16_t port_ = 0;
};

}  // namespace ripcord
