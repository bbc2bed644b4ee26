// SPDX-License-Identifier: Apache-2.0
#pragma once
// A folder that is there whole and on the disk, or not at all: its files are written beside it, in
// `<path>.partial`, and get the name in one step. Fails with ResourceExhausted (disk full),
// PermissionDenied, FailedPrecondition (no parent folder), Unavailable, all with the reason
// ArchiveFailed; messages name the file. One thread.

#include "controller/base/status.h"

#include <string>
#include <string_view>

namespace ripcord {

class DurableFolder {
 public:
  // What an earlier try left beside it is removed.
  static Result<DurableFolder> begin(const std::string& path);
  DurableFolder(DurableFolder&& other) noexcept;
  DurableFolder& operator=(DurableFolder&&) = delete;
  ~DurableFolder();  // an unfinished one is removed

  // Files are written one after the other.
  Status open(const std::string& file);
  Status write(std::string_view text);
  Status close();  // on the disk from here on
  // The folder has its name, in the place of one that had it.
  Status finish();

 private:
  explicit DurableFolder(std::string path) : path_(std::move(path)) {}
  Status flush();
  std::string partial() const { return path_ + ".partial"; }

  std::string path_;  // empty: moved from or finished
  std::string file_;  // being written
  int fd_ = -1;
  std::string buffer_;
};

}  // namespace ripcord
