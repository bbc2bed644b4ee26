// SPDX-License-Identifier: Apache-2.0
#include "adapters/embedded/directory_lock.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

namespace ripcord {
namespace {

std::string errno_text(int code) {
  return std::generic_category().message(code);
}

Status cannot(const std::filesystem::path& path, std::string_view what, int code) {
  return {code == ENOSPC || code == EDQUOT ? StatusCode::kResourceExhausted
                                           : StatusCode::kFailedPrecondition,
          fmt::format("cannot {} {}: {}; the data directory must be writable by the user that runs "
                      "ripcord, on a disk with free space (choose it with --data)",
                      what, path.string(), errno_text(code)),
          "DataDirectory"};
}

Status sync_directory(const std::filesystem::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return cannot(directory, "open", errno);
  }
  const int rc = ::fsync(fd);
  const int code = errno;
  ::close(fd);
  return rc == 0 ? ok_status() : cannot(directory, "sync", code);
}

Status make_directory(const std::filesystem::path& directory) {
  std::error_code failed;
  const std::filesystem::path parent = std::filesystem::absolute(directory, failed).parent_path();
  if (!failed) {
    std::filesystem::create_directories(parent, failed);
  }
  if (failed) {
    return cannot(parent, "make", failed.value());
  }
  if (::mkdir(directory.c_str(), 0700) != 0) {
    return errno == EEXIST ? ok_status() : cannot(directory, "make", errno);
  }
  return sync_directory(parent);
}

// The pid that the holder left in its lock file; only for the message.
std::string holder(int fd) {
  std::array<char, 32> text{};
  const ssize_t n = ::pread(fd, text.data(), text.size() - 1, 0);
  return n > 0 ? std::string(text.data(), static_cast<std::size_t>(n)) : "unknown";
}

}  // namespace

Result<std::unique_ptr<DirectoryLock>> DirectoryLock::acquire(
    const std::filesystem::path& directory) {
  RETURN_IF_ERROR(make_directory(directory));
  const std::filesystem::path path = directory / "lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    return as_return(cannot(path, "open", errno));
  }
  std::unique_ptr<DirectoryLock> lock(new DirectoryLock(directory, fd));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return as_return(cannot(path, "lock", errno));
    }
    return error(StatusCode::kFailedPrecondition,
                 fmt::format("the data directory {} is in use by process {}; stop that process, or "
                             "give this one a directory of its own with --data",
                             directory.string(), holder(fd)),
                 "DataDirectoryInUse");
  }
  const std::string pid = std::to_string(::getpid());
  // The lock holds without the pid, so a full disk is found by the first real write, not here.
  if (::ftruncate(fd, 0) == 0) {
    [[maybe_unused]] const ssize_t written = ::pwrite(fd, pid.data(), pid.size(), 0);
  }
  return lock;
}

DirectoryLock::~DirectoryLock() {
  ::close(fd_);
}

Status DirectoryLock::ensure_file(const std::filesystem::path& path) const {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    return cannot(path, "open", errno);
  }
  ::close(fd);
  return sync_directory(directory_);
}

}  // namespace ripcord
