// SPDX-License-Identifier: Apache-2.0
#include "controller/app/commands.h"
#include "controller/app/manifest_files.h"

#include <iostream>

#include <fmt/format.h>

namespace ripcord::app {

int validate(const ValidateOptions& options) {
  if (options.lint) {
    return lint(options);
  }
  const codec::ManifestFile read = read_manifest_files(options.files);
  for (const codec::ManifestError& error : read.errors) {
    std::cerr << to_string(error) << "\n";
  }
  for (const codec::Manifest& manifest : read.manifests) {
    std::cout << fmt::format("{}: {} is valid\n", manifest.file, to_string(manifest.object.key()));
  }
  if (read.manifests.empty() && read.errors.empty()) {
    std::cerr << "no manifest found; name files or directories with *.yaml, *.yml or *.json\n";
    return 1;
  }
  return read.errors.empty() ? 0 : 1;
}

}  // namespace ripcord::app
