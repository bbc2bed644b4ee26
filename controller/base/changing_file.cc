// SPDX-License-Identifier: Apache-2.0
#include "controller/base/changing_file.h"

#include "controller/base/sha256.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr std::size_t kMostBytes = 1024 * 1024;
// Files carry the time of a tick of the kernel: two changes within one look alike.
constexpr std::chrono::seconds kTick{2};

tl::unexpected<Status> unreadable(const std::string& path, int number) {
  const bool absent = number == ENOENT || number == ENOTDIR;
  return error(absent ? StatusCode::kNotFound : StatusCode::kFailedPrecondition,
               fmt::format("{}: {}", path, std::strerror(number)));
}

// Closed with it.
struct Descriptor {
  int number = -1;
  ~Descriptor() {
    if (number >= 0) {
      ::close(number);
    }
  }
};

Result<std::string> read_all(const std::string& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.number < 0) {
    return unreadable(path, errno);
  }
  std::string text;
  std::array<char, 16 * 1024> piece{};
  while (text.size() <= kMostBytes) {
    const ssize_t got = ::read(file.number, piece.data(), piece.size());
    if (got == 0) {
      return text;
    }
    if (got < 0 && errno != EINTR) {
      return unreadable(path, errno);
    }
    text.append(piece.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  }
  return error(StatusCode::kFailedPrecondition, fmt::format("{} is larger than 1 MiB", path));
}

}  // namespace

Result<std::optional<std::string>> ChangingFile::changed(WallTime now) {
  struct stat found {};
  if (::stat(path_.c_str(), &found) != 0) {
    stamp_.reset();
    return unreadable(path_, errno);
  }
  const Stamp stamp = {static_cast<std::int64_t>(found.st_dev),
                       static_cast<std::int64_t>(found.st_ino),
                       static_cast<std::int64_t>(found.st_size),
                       found.st_mtim.tv_sec,
                       found.st_mtim.tv_nsec,
                       found.st_ctim.tv_sec,
                       found.st_ctim.tv_nsec};
  if (stamp_ == stamp && settled_) {
    return std::optional<std::string>();
  }
  ASSIGN_OR_RETURN(std::string text, read_all(path_));
  const WallTime written{std::chrono::seconds(found.st_ctim.tv_sec)};
  stamp_ = stamp;
  settled_ = now - written > kTick;
  const std::string digest = sha256_hex(text);
  const bool same = digest == digest_;
  digest_ = digest;
  return same ? std::optional<std::string>() : std::optional(std::move(text));
}

}  // namespace ripcord
