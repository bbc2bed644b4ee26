// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads the YAML of a SimulatedWorld. Pure. Strict: an unknown field, a wrong type, a negative cost
// or a name used twice is InvalidArgument, naming the line, the field and what to write instead.

#include "controller/base/status.h"
#include "controller/model/simulated_world.h"

#include <string_view>

namespace ripcord::codec {

Result<SimulatedWorldSpec> decode_simulated_world(std::string_view yaml);

}  // namespace ripcord::codec
