// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/crash_matrix/corpus.h"

#include "controller/base/running_sha256.h"
#include "controller/codec/base64.h"
#include "controller/codec/migration_history.h"
#include "tests/support/paths/paths.h"
#include "tests/support/process.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>

namespace ripcord {
namespace {

Corpus read_corpus(const std::string& file) {
  constexpr std::string_view kAlone = " no transaction";
  Corpus corpus;
  std::string* script = nullptr;
  std::istringstream lines(
      read_file(source_dir() + "/tests/integration/crash_matrix/corpus/" + file));
  for (std::string line; std::getline(lines, line);) {
    if (line == "@@ down") {
      script = &corpus.back().down;
    } else if (line.rfind("@@ ", 0) == 0) {
      CorpusMigration& next = corpus.emplace_back();
      next.alone = line.size() > kAlone.size() &&
                   line.compare(line.size() - kAlone.size(), kAlone.size(), kAlone) == 0;
      line.resize(line.size() - (next.alone ? kAlone.size() : 0));
      const std::size_t gap = line.find(' ', 3);
      next.version = std::stoi(line.substr(3, gap));
      next.name = line.substr(gap + 1);
      script = &next.up;
    } else if (script != nullptr) {
      *script += line + "\n";
    }
  }
  if (corpus.size() != 30) {
    throw std::runtime_error(file + ": 30 migrations are wanted");
  }
  return corpus;
}

std::vector<std::string> statements_of(codec::SqlDialect dialect, const std::string& script) {
  const auto pieces = codec::split_sql(dialect, script);
  if (!pieces) {
    throw std::runtime_error(pieces.error().message());
  }
  std::vector<std::string> statements;
  for (const codec::SqlPiece& piece : *pieces) {
    statements.emplace_back(piece.text);
  }
  return statements;
}

// Where a semicolon stands inside a statement, goose and sql-migrate have to be told.
std::string annotated(codec::SqlDialect dialect, std::string_view mark, const std::string& script) {
  std::string text;
  for (const std::string& statement : statements_of(dialect, script)) {
    text +=
        statement.find(';') == std::string::npos
            ? statement + ";\n"
            : fmt::format("-- {0} StatementBegin\n{1};\n-- {0} StatementEnd\n", mark, statement);
  }
  return text;
}

std::string atlas_sum(const std::vector<std::pair<std::string, std::string>>& files) {
  RunningSha256 running;
  RunningSha256 total;
  std::string lines;
  for (const auto& [name, text] : files) {
    running.update(name);
    running.update(text);
    const std::string hash = codec::encode_base64(running.digest());
    total.update(name);
    total.update(hash);
    lines += fmt::format("{} h1:{}\n", name, hash);
  }
  return fmt::format("h1:{}\n{}", codec::encode_base64(total.digest()), lines);
}

}  // namespace

const Corpus& postgres_shop() {
  static const Corpus corpus = read_corpus("postgres.sql");
  return corpus;
}
const Corpus& sqlite_shop() {
  static const Corpus corpus = read_corpus("sqlite.sql");
  return corpus;
}

std::string test_name(MigrationLayout layout) {
  std::string name(to_string(layout));
  std::erase(name, '-');
  return name;
}

void write_corpus(const Corpus& corpus, codec::SqlDialect dialect, MigrationLayout layout,
                  const std::string& directory) {
  std::vector<std::pair<std::string, std::string>> files;
  const auto file = [&](const std::string& name, const std::string& text) {
    write_file(directory + "/" + name, text);
    files.emplace_back(name, text);
  };
  for (const CorpusMigration& each : corpus) {
    const std::string number = fmt::format("{:03}", each.version);
    const std::string name = fmt::format("{}_{}.sql", number, each.name);
    switch (layout) {
      case MigrationLayout::kGolangMigrate:
        file(fmt::format("{}_{}.up.sql", each.version, each.name), each.up);
        file(fmt::format("{}_{}.down.sql", each.version, each.name), each.down);
        break;
      case MigrationLayout::kDbmate:
        file(name, fmt::format("-- migrate:up{0}\n{1}\n-- migrate:down{0}\n{2}",
                               each.alone ? " transaction:false" : "", each.up, each.down));
        break;
      case MigrationLayout::kGoose:
        file(name, fmt::format("{}-- +goose Up\n{}\n-- +goose Down\n{}",
                               each.alone ? "-- +goose NO TRANSACTION\n" : "",
                               annotated(dialect, "+goose", each.up),
                               annotated(dialect, "+goose", each.down)));
        break;
      case MigrationLayout::kFlyway:
        for (const bool up : {true, false}) {
          const std::string script =
              fmt::format("{}{}__{}.sql", up ? "V" : "U", each.version, each.name);
          file(script, up ? each.up : each.down);
          if (each.alone) {
            file(script + ".conf", "executeInTransaction=false\n");
          }
        }
        break;
      case MigrationLayout::kSqlMigrate:
        file(name, fmt::format("-- +migrate Up{0}\n{1}\n-- +migrate Down{0}\n{2}",
                               each.alone ? " notransaction" : "",
                               annotated(dialect, "+migrate", each.up),
                               annotated(dialect, "+migrate", each.down)));
        break;
      case MigrationLayout::kAtlas:
        file(name, (each.alone ? "-- atlas:txmode none\n\n" : "") + each.up);
        break;
    }
  }
  if (layout == MigrationLayout::kAtlas) {
    write_file(directory + "/atlas.sum", atlas_sum(files));
  }
}

std::int64_t version_in(MigrationLayout layout, int version) {
  return layout == MigrationLayout::kFlyway ? std::int64_t{version} * 10000 : version;
}

std::string history_query(MigrationLayout layout) {
  const std::string_view name = codec::default_history_name(layout);
  switch (layout) {
    case MigrationLayout::kGolangMigrate:
      return fmt::format("SELECT version, dirty FROM {}", name);
    case MigrationLayout::kGoose:
      return fmt::format("SELECT version_id FROM {} ORDER BY 1", name);
    case MigrationLayout::kSqlMigrate:
      return fmt::format("SELECT id FROM {} ORDER BY 1", name);
    default:
      return fmt::format("SELECT version FROM {} ORDER BY 1", name);
  }
}

Corpus one_statement_each(const Corpus& corpus, codec::SqlDialect dialect) {
  Corpus all;
  const auto add = [&](const std::string& name, const std::string& up, const std::string& down) {
    all.push_back({static_cast<int>(all.size()) + 1, name, up, down, false});
  };
  for (const CorpusMigration& each : corpus) {
    if (!each.alone) {
      add(each.name, each.up, each.down);
      continue;
    }
    if (each.up.rfind("SET ", 0) == 0) {
      continue;
    }
    for (const std::string& statement : statements_of(dialect, each.up)) {
      add(each.name, statement, "SELECT 1");
    }
  }
  return all;
}

}  // namespace ripcord
