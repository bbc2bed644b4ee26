// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/file_lock.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <random>
#include <sys/file.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

namespace ripcord::sqlite {
namespace {

constexpr int kPollMs = 50;

std::string owner_of(int file) {
  std::array<char, 32> text{};
  const ssize_t count = ::pread(file, text.data(), text.size() - 1, 0);
  std::string owner(text.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  owner.erase(owner.find_last_not_of(" \n") + 1);
  return owner.empty() ? "another process" : "process " + owner;
}

Duration jittered_poll() {
  std::random_device random;
  return std::chrono::milliseconds(kPollMs / 2 + static_cast<int>(random() % kPollMs));
}

}  // namespace

std::string database_lock_file(const std::string& database_path) {
  std::error_code failure;
  const auto real = std::filesystem::weakly_canonical(database_path, failure);
  return (failure ? database_path : real.string()) + ".ripcord-lock";
}

Result<FileLock> FileLock::acquire(const std::string& path, Duration patience, Clock& clock,
                                   std::stop_token stop) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) {
    return error(StatusCode::kUnavailable,
                 fmt::format("{}: {}; the folder of the database must be there and writable", path,
                             std::strerror(errno)),
                 "LockFileUnusable");
  }
  FileLock lock(file);
  const MonoTime deadline = clock.now() + patience;
  while (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (clock.now() >= deadline) {
      return error(
          StatusCode::kUnavailable,
          fmt::format("another migration or restore runs on this database: {} is held by {}; "
                      "it is tried again",
                      path, owner_of(file)),
          "Locked");
    }
    if (!clock.sleep_for(jittered_poll(), stop)) {
      return error(StatusCode::kCancelled, "stopped while waiting for the lock of the database");
    }
  }
  const std::string pid = fmt::format("{:<10}\n", ::getpid());
  static_cast<void>(!::pwrite(file, pid.data(), pid.size(), 0));
  return lock;
}

FileLock::FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

FileLock::~FileLock() {
  if (file_ >= 0) {
    ::close(file_);
  }
}

}  // namespace ripcord::sqlite
