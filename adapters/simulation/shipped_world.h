// SPDX-License-Identifier: Apache-2.0
#pragma once
// manifests/simulation/world.yaml as it was when this was built.

#include <string_view>

namespace ripcord::simulation {

std::string_view shipped_world_yaml();

}  // namespace ripcord::simulation
