// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sees every write, truncation, sync and removal that SQLite makes of a file, before it happens,
// and may let it fail or end the process in the middle of it. Registered as SQLite's default VFS
// while it lives; connections must be closed before. The judge is called from whichever thread does
// the I/O.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace ripcord {

struct IoStep {
  enum class Type { kWrite, kTruncate, kSync, kRemove };
  Type type = Type::kWrite;
  std::string path;
};

enum class IoVerdict {
  kGoOn,
  kDieBefore,   // SIGKILL before the step
  kDieHalfway,  // SIGKILL after half of a write; before any other step
  kFail,        // the step fails with an I/O error
};

class IoProbe {
 public:
  using Judge = std::function<IoVerdict(const IoStep&)>;
  // Called after each sync that succeeded, with the path of the file.
  using AfterSync = std::function<void(const std::string&)>;

  explicit IoProbe(Judge judge, AfterSync after_sync = {});
  ~IoProbe();
  IoProbe(const IoProbe&) = delete;
  IoProbe& operator=(const IoProbe&) = delete;

  struct Vfs;

 private:
  std::unique_ptr<Vfs> vfs_;
};

}  // namespace ripcord
