// SPDX-License-Identifier: Apache-2.0
#pragma once
// `ripcord run` as somebody would start it, for one MigrationVersion.

#include "controller/model/database.h"

#include <cstdint>
#include <string>

namespace ripcord {

// Seconds from the start of the process until the object is Ready at `version`. It ends after that,
// which is not counted: a controller goes on. Throws std::runtime_error with what is wrong.
double ripcord_process(const DatabaseRef& database, const std::string& directory,
                       std::int64_t version);

}  // namespace ripcord
