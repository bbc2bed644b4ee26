// SPDX-License-Identifier: Apache-2.0
#include "bench/migrations/corpus.h"

#include <fmt/format.h>

namespace ripcord {

std::vector<Migration> corpus() {
  std::vector<Migration> all;
  for (int v = 1; v <= kMigrations; ++v) {
    const int table = (v - 1) / kPerTable;
    const bool first = (v - 1) % kPerTable == 0;
    Migration m;
    m.version = v;
    m.name = fmt::format("m{}", v);
    m.up = first ? fmt::format("CREATE TABLE t{} (id bigint PRIMARY KEY)", table)
                 : fmt::format("ALTER TABLE t{} ADD COLUMN c{} text", table, v);
    m.down = first ? fmt::format("DROP TABLE t{}", table)
                   : fmt::format("ALTER TABLE t{} DROP COLUMN c{}", table, v);
    all.push_back(std::move(m));
  }
  return all;
}

}  // namespace ripcord
