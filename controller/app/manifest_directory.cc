// SPDX-License-Identifier: Apache-2.0
#include "controller/app/manifest_directory.h"

#include <filesystem>

#include <fmt/format.h>

namespace ripcord::app {

std::string manifest_directory_problem(const std::string& directory) {
  namespace fs = std::filesystem;
  std::error_code failed;
  if (fs::is_directory(directory, failed)) {
    return {};
  }
  if (fs::exists(directory, failed)) {
    return fmt::format("{} is no directory; name the directory that holds the manifests",
                       directory);
  }
  return fmt::format(
      "there is no directory {}; create it (it may be empty), mount what belongs there, or name "
      "another one",
      directory.empty() ? "''" : fs::absolute(directory, failed).string());
}

}  // namespace ripcord::app
