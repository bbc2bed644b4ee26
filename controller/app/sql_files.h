// SPDX-License-Identifier: Apache-2.0
#pragma once
// The SQL files that lint looks at: named ones, and *.sql below named directories, in the order
// that migrations run. Knows by name and by its annotations which half of a migration a text is:
// 3_x.up.sql and 3_x.down.sql, V1__x.sql and U1__x.sql, and both halves in one file behind
// "-- migrate:up" (dbmate), "-- +goose Up" and "-- +migrate Up". Anything else is an up.

#include "controller/base/status.h"
#include "controller/model/schema_state.h"

#include <string>
#include <string_view>
#include <vector>

namespace ripcord::app {

// One half of a migration. Where the other half stood in the same file, there is white space, so
// that lines and columns are those of the file.
struct SqlHalf {
  std::string file;
  Direction direction = Direction::kUp;
  std::string text;
  std::string migration;  // what its other half has too
};

// NotFound or Unavailable names the path; InvalidArgument when there is no SQL file at all.
Result<std::vector<SqlHalf>> read_sql_files(const std::vector<std::string>& paths);

// The halves of one file.
std::vector<SqlHalf> halves_of(const std::string& file, const std::string& text);

}  // namespace ripcord::app
