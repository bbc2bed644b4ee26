// SPDX-License-Identifier: Apache-2.0
#include "controller/base/file_digest.h"

#include <cstring>
#include <fcntl.h>
#include <memory>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <openssl/evp.h>

namespace ripcord {
namespace {

constexpr std::size_t kChunk = 1 << 20;

struct ContextCloser {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

tl::unexpected<Status> unreadable(const std::string& path, int error_number) {
  return error(StatusCode::kUnavailable,
               fmt::format("cannot read {}: {}", path, std::strerror(error_number)));
}

std::string hex_of(const unsigned char* bytes, std::size_t count) {
  std::string hex;
  for (std::size_t i = 0; i < count; ++i) {
    hex += fmt::format("{:02x}", bytes[i]);
  }
  return hex;
}

Result<std::string> digest_of(int file, const std::string& path, const std::stop_token& stop) {
  const std::unique_ptr<EVP_MD_CTX, ContextCloser> context(EVP_MD_CTX_new());
  std::vector<char> chunk(kChunk);
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  for (;;) {
    if (stop.stop_requested()) {
      return error(StatusCode::kCancelled, "stopped while reading " + path);
    }
    const ssize_t count = ::read(file, chunk.data(), chunk.size());
    if (count < 0 && errno != EINTR) {
      return unreadable(path, errno);
    }
    if (count == 0) {
      break;
    }
    if (count > 0) {
      EVP_DigestUpdate(context.get(), chunk.data(), static_cast<std::size_t>(count));
    }
  }
  std::vector<unsigned char> digest(EVP_MAX_MD_SIZE);
  unsigned int size = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &size);
  return hex_of(digest.data(), size);
}

}  // namespace

Result<std::string> sha256_of_file(const std::string& path, const std::stop_token& stop) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return unreadable(path, errno);
  }
  ::posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL);
  Result<std::string> digest = digest_of(file, path, stop);
  ::close(file);
  return digest;
}

}  // namespace ripcord
