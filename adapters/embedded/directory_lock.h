// SPDX-License-Identifier: Apache-2.0
#pragma once
// A directory that one process has to itself. Made when absent (mode 0700), locked by flock() on
// its file `lock`, which the kernel releases when the process ends in whatever way. Fails with
// FailedPrecondition when another process (or another lock in this one) has it, or when the
// directory cannot be made or written. Owned by one thread.

#include "controller/base/status.h"

#include <filesystem>
#include <memory>

namespace ripcord {

class DirectoryLock {
 public:
  static Result<std::unique_ptr<DirectoryLock>> acquire(const std::filesystem::path& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

  // Makes `name` in the directory as an empty file of mode 0600 if it is not there, durably.
  Status ensure_file(const std::filesystem::path& path) const;

 private:
  DirectoryLock(std::filesystem::path directory, int fd)
      : directory_(std::move(directory)), fd_(fd) {}

  const std::filesystem::path directory_;
  const int fd_;  // of the lock file
};

}  // namespace ripcord
