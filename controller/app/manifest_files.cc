// SPDX-License-Identifier: Apache-2.0
#include "controller/app/manifest_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <fmt/format.h>

namespace ripcord::app {
namespace {

namespace fs = std::filesystem;

bool is_manifest(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

// The files below `path` that hold manifests, sorted, or `path` itself.
std::vector<std::string> files_of(const std::string& path,
                                  std::vector<codec::ManifestError>& errors) {
  std::error_code failed;
  if (!fs::is_directory(path, failed)) {
    return {path};
  }
  std::vector<std::string> files;
  for (auto at = fs::recursive_directory_iterator(
           path, fs::directory_options::follow_directory_symlink, failed);
       !failed && at != fs::recursive_directory_iterator(); at.increment(failed)) {
    if (is_manifest(at->path()) && at->is_regular_file(failed)) {
      files.push_back(at->path().string());
    }
  }
  if (failed) {
    errors.push_back({path, 0, 0, "", "cannot be read: " + failed.message()});
  } else if (files.empty()) {
    errors.push_back({path, 0, 0, "", "has no *.yaml, *.yml or *.json file"});
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

codec::ManifestFile read_manifest_files(const std::vector<std::string>& paths) {
  codec::ManifestFile all;
  std::map<ObjectKey, std::string> seen;
  for (const std::string& path : paths) {
    for (const std::string& file : files_of(path, all.errors)) {
      std::ifstream in(file, std::ios::binary);
      std::ostringstream text;
      if (!in || !(text << in.rdbuf())) {
        all.errors.push_back(
            {file, 0, 0, "", in ? "is empty" : "cannot be opened; does the path exist?"});
        continue;
      }
      codec::ManifestFile read = codec::read_manifests(text.str(), file);
      all.errors.insert(all.errors.end(), read.errors.begin(), read.errors.end());
      for (codec::Manifest& manifest : read.manifests) {
        const auto [at, fresh] = seen.emplace(manifest.object.key(), file);
        if (!fresh) {
          all.errors.push_back(
              {file, manifest.line, 1, "metadata.name",
               fmt::format("{} is already in {}; an object has one home: remove one of the two",
                           to_string(manifest.object.key()), at->second)});
          continue;
        }
        codec::resolve_relative_paths(manifest.object, file);
        all.manifests.push_back(std::move(manifest));
      }
    }
  }
  return all;
}

}  // namespace ripcord::app
