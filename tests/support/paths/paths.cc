// SPDX-License-Identifier: Apache-2.0
#include "tests/support/paths/paths.h"

namespace ripcord {

std::string source_dir() {
  return RIPCORD_SOURCE_DIR;
}
std::string bin_dir() {
  return RIPCORD_BIN_DIR;
}

}  // namespace ripcord
