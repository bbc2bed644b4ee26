// SPDX-License-Identifier: Apache-2.0
#include "controller/base/durable_folder.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace ripcord {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBuffer = 256 * 1024;

StatusCode code_of(int number) {
  switch (number) {
    case ENOSPC:
    case EDQUOT:
      return StatusCode::kResourceExhausted;
    case EACCES:
    case EPERM:
    case EROFS:
      return StatusCode::kPermissionDenied;
    case ENOENT:
    case ENOTDIR:
      return StatusCode::kFailedPrecondition;
    default:
      return StatusCode::kUnavailable;
  }
}

Status failure(const std::string& what, int number) {
  return {code_of(number), what + ": " + std::generic_category().message(number), "ArchiveFailed"};
}

Status sync_folder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  const int number = errno;
  if (fd >= 0) {
    ::close(fd);
  }
  return synced ? ok_status() : failure(path, number);
}

}  // namespace

DurableFolder::DurableFolder(DurableFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      file_(std::move(other.file_)),
      fd_(std::exchange(other.fd_, -1)),
      buffer_(std::move(other.buffer_)) {}

DurableFolder::~DurableFolder() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
  if (!path_.empty()) {
    std::error_code ignored;
    fs::remove_all(partial(), ignored);
  }
}

Result<DurableFolder> DurableFolder::begin(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path + ".partial", ignored);
  if (::mkdir((path + ".partial").c_str(), 0700) != 0) {
    return as_return(failure(path, errno));
  }
  return DurableFolder(path);
}

Status DurableFolder::open(const std::string& file) {
  file_ = partial() + "/" + file;
  fd_ = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  return fd_ < 0 ? failure(file_, errno) : ok_status();
}

Status DurableFolder::write(std::string_view text) {
  buffer_ += text;
  return buffer_.size() < kBuffer ? ok_status() : flush();
}

Status DurableFolder::flush() {
  std::string_view left = buffer_;
  while (!left.empty()) {
    const ssize_t written = ::write(fd_, left.data(), left.size());
    if (written < 0 && errno != EINTR) {
      return failure(file_, errno);
    }
    left.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
  }
  buffer_.clear();
  return {};
}

Status DurableFolder::close() {
  RETURN_IF_ERROR(flush());
  const bool synced = ::fsync(fd_) == 0;
  const int number = errno;
  ::close(std::exchange(fd_, -1));
  return synced ? ok_status() : failure(file_, number);
}

Status DurableFolder::finish() {
  RETURN_IF_ERROR(sync_folder(partial()));
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  if (::rename(partial().c_str(), path_.c_str()) != 0) {
    return failure(path_, errno);
  }
  const std::string parent = fs::path(path_).parent_path().string();
  path_.clear();
  return sync_folder(parent.empty() ? "." : parent);
}

}  // namespace ripcord
