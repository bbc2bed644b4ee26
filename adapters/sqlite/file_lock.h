// SPDX-License-Identifier: Apache-2.0
#pragma once
// One owner at a time among all processes of this machine: an exclusive flock(2) on a file that
// holds the owner's process id. Polled; given up by the destructor, and by the kernel when the
// owner dies. Unavailable (reason Locked) names the owner; Cancelled on stop. Movable, one thread.

#include "controller/base/clock.h"
#include "controller/base/status.h"

#include <stop_token>
#include <string>

namespace ripcord::sqlite {

// The file that everybody locks who migrates or swaps this database, through links too: they name
// one database.
std::string database_lock_file(const std::string& database_path);

class FileLock {
 public:
  static Result<FileLock> acquire(const std::string& path, Duration patience, Clock& clock,
                                  std::stop_token stop);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int file) : file_(file) {}
  int file_;
};

}  // namespace ripcord::sqlite
