// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is seen while a migration is tried on a shadow database. Values.

#include "controller/model/sql_effects.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ripcord {

// A schema as a set: "column public.users.email" -> "text not null". Ripcord's own tables and those
// of the version are left out.
struct SchemaCatalog {
  std::map<std::string, std::string> objects;
  std::map<std::string, std::string> column_order;  // table -> its columns as they stand

  bool operator==(const SchemaCatalog&) const = default;
};

// Every row as text; empty = NULL. Columns that the database computes are left out.
struct TableContent {
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;
  std::vector<std::string> types{};  // of the columns; empty: not told
};
using ShadowContent = std::map<std::string, TableContent>;  // "public.users"

// Plain: such as an application writes. Nulls: besides, in each table that takes it, a row with
// NULL wherever it may stand. All: and one with values as large as its types have room for.
enum class SeedRows { kPlain, kNulls, kAll };

struct TrialStage {
  SchemaCatalog catalog;
  ShadowContent content;
};

//   rows in every table     -> before
//   up                      -> left_by_up
//   more rows               -> after_up      (the new columns and tables have values now)
//   down                    -> after_down    what of `before` is missing was lost by the up
//   up                      -> after_again   what of `after_up` is missing was lost by the down
struct MigrationTrial {
  TrialStage before;
  ShadowContent left_by_up;
  TrialStage after_up;
  TrialStage after_down;
  TrialStage after_again;
  std::string again_failed;                     // why the second up did not run; empty: it did
  std::map<std::string, std::string> unseeded;  // tables that took no row -> why
  // As the inspector says:
  bool changes_rows = false;  // up or down writes to rows, or may
  bool unknown = false;       // it cannot be told what up or down does
  std::vector<DataLoss> up_loses{};
  std::vector<DataLoss> down_loses{};
};

}  // namespace ripcord
