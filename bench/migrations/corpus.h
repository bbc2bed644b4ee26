// SPDX-License-Identifier: Apache-2.0
#pragma once
// The migrations that everybody runs: 100 times a CREATE TABLE and nine ADD COLUMN.

#include "controller/model/migration.h"

#include <vector>

namespace ripcord {

inline constexpr int kMigrations = 1000;
inline constexpr int kPerTable = 10;

std::vector<Migration> corpus();

}  // namespace ripcord
