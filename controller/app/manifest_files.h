// SPDX-License-Identifier: Apache-2.0
#pragma once
// Manifest files named on a command line: files, or directories of *.yaml, *.yml and *.json.

#include "controller/codec/codec.h"

#include <string>
#include <vector>

namespace ripcord::app {

// All documents of all files, in order; an unreadable file, an empty directory and an object given
// twice are errors too. Relative paths inside the manifests are resolved against their files.
codec::ManifestFile read_manifest_files(const std::vector<std::string>& paths);

}  // namespace ripcord::app
