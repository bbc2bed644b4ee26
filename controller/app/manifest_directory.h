// SPDX-License-Identifier: Apache-2.0
#pragma once
// What `ripcord run` and `ripcord-adapter` ask of a directory that --manifests names, before they
// start.

#include <string>

namespace ripcord::app {

// What is wrong with it and what to do; empty when it is there.
std::string manifest_directory_problem(const std::string& directory);

}  // namespace ripcord::app
