// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/text_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

namespace ripcord::kubernetes {
namespace {

constexpr std::size_t kMostBytes = 4 * 1024 * 1024;

tl::unexpected<Status> unreadable(const std::string& path, int number) {
  const bool absent = number == ENOENT || number == ENOTDIR;
  return error(absent ? StatusCode::kNotFound : StatusCode::kFailedPrecondition,
               fmt::format("{}: {}", path, std::strerror(number)));
}

}  // namespace

Result<std::string> read_text_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return unreadable(path, errno);
  }
  std::string text;
  std::string piece(16 * 1024, '\0');
  ssize_t got = 0;
  while (text.size() <= kMostBytes && (got = ::read(fd, piece.data(), piece.size())) != 0) {
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      const int number = errno;
      ::close(fd);
      return unreadable(path, number);
    }
    text.append(piece, 0, static_cast<std::size_t>(got));
  }
  ::close(fd);
  if (text.size() > kMostBytes) {
    return error(StatusCode::kFailedPrecondition, fmt::format("{} is larger than 4 MiB", path));
  }
  return text;
}

std::string trimmed(const std::string& text) {
  constexpr const char* kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  return first == std::string::npos ? std::string()
                                    : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace ripcord::kubernetes
