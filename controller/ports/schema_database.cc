// SPDX-License-Identifier: Apache-2.0
#include "controller/ports/schema_database.h"

#include "controller/model/sql_effects.h"

namespace ripcord {

Result<std::vector<DataAtRisk>> SchemaDatabase::count(const std::vector<LossAtRisk>& losses,
                                                      std::stop_token /*stop*/) {
  std::vector<DataAtRisk> counted;
  for (const LossAtRisk& each : losses) {
    counted.push_back({.version = each.version,
                       .what = each.unknown.empty() ? to_string(each.loss) : "unknown",
                       .rows = std::nullopt,
                       .newest = std::nullopt,
                       .note = each.unknown.empty() ? "this database counts nothing"
                                                    : "cannot be counted: " + each.unknown,
                       .archive = {}});
  }
  return counted;
}

}  // namespace ripcord
