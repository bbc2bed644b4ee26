// SPDX-License-Identifier: Apache-2.0
#pragma once
// Files of flags that others read: those in the keys of one ConfigMap. Thread-safe.

#include "controller/base/status.h"
#include "controller/model/flag_file.h"

#include <map>
#include <string>

namespace ripcord {

// An object of a namespace that has files.
struct FlagFilesPlace {
  std::string ns;
  std::string name;

  auto operator<=>(const FlagFilesPlace&) const = default;
};

class FlagFileStore {
 public:
  virtual ~FlagFileStore() = default;
  // Makes the files of the place, by key, be these, and empties what it wrote into other keys
  // before; read back. True when something had to be written. Cancelled: this process has nothing
  // to write now, another has. Other errors name the place and what to do.
  virtual Result<bool> write(const FlagFilesPlace& place,
                             const std::map<std::string, FlagFile>& files) = 0;
};

}  // namespace ripcord
