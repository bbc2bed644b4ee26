// SPDX-License-Identifier: Apache-2.0
#pragma once
// A small text file that may be replaced or rewritten while we run: a token, a certificate. Looking
// costs one stat() as long as nothing changed. One thread at a time.

#include "controller/base/clock.h"
#include "controller/base/status.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace ripcord {

class ChangingFile {
 public:
  explicit ChangingFile(std::string path) : path_(std::move(path)) {}
  const std::string& path() const { return path_; }

  // The text, the first time and whenever it is another one than the last time; nothing when it is
  // not. NotFound, or FailedPrecondition when it cannot be read or is larger than 1 MiB; both name
  // the file.
  Result<std::optional<std::string>> changed(WallTime now);

 private:
  // Device, inode, size, times: what a change of the file changes.
  using Stamp = std::array<std::int64_t, 7>;

  std::string path_;
  std::optional<Stamp> stamp_;  // of the text that was given last
  bool settled_ = false;        // a later change gives another stamp
  std::string digest_;          // of that text
};

}  // namespace ripcord
