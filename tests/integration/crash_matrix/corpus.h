// SPDX-License-Identifier: Apache-2.0
#pragma once
// The 30 migrations of the crash matrix, as data (corpus/*.sql says in which form), and the
// directory that each tool would keep them in.

#include "controller/codec/sql_lexer.h"
#include "controller/model/migration.h"

#include <array>
#include <string>
#include <vector>

namespace ripcord {

struct CorpusMigration {
  int version = 0;
  std::string name;
  std::string up;
  std::string down;
  bool alone = false;  // no transaction, either way
};
using Corpus = std::vector<CorpusMigration>;

const Corpus& postgres_shop();
const Corpus& sqlite_shop();

inline constexpr std::array kLayouts{MigrationLayout::kGolangMigrate, MigrationLayout::kDbmate,
                                     MigrationLayout::kGoose,         MigrationLayout::kFlyway,
                                     MigrationLayout::kSqlMigrate,    MigrationLayout::kAtlas};
std::string test_name(MigrationLayout layout);  // "sqlmigrate"

// Writes the files of `layout`, with the annotations and sums that its tool would want. Atlas has
// no downs.
void write_corpus(const Corpus& corpus, codec::SqlDialect dialect, MigrationLayout layout,
                  const std::string& directory);
// spec.version for version `version` of the corpus.
std::int64_t version_in(MigrationLayout layout, int version);
// The versions that the layout's own table holds, a row each.
std::string history_query(MigrationLayout layout);

// The same changes for golang-migrate itself, which can run a statement without a transaction only
// when it is alone in its file. Without the migration whose first statement sets the session.
Corpus one_statement_each(const Corpus& corpus, codec::SqlDialect dialect);

}  // namespace ripcord
