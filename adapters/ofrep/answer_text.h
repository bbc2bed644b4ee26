// SPDX-License-Identifier: Apache-2.0
#pragma once
// A flag's answer as OFREP writes it. A pure function.

#include "controller/ports/flags.h"

#include <string>

namespace ripcord::ofrep {

// The evaluation object, with the value as it was written (10.0 stays 10.0).
std::string evaluation_object(const FlagAnswer& answer);

}  // namespace ripcord::ofrep
