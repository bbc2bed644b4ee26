// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/shadow_seed.h"

#include "adapters/sqlite/risk_table.h"
#include "adapters/sqlite/shadow_catalog.h"
#include "controller/codec/sql_lexer.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::sqlite {
namespace {

struct SeedColumn {
  std::string name;
  std::string type;  // as declared, in lower case
  bool required = false;
  std::vector<std::string> words;  // literals of the table's checks that name it
  bool is(std::string_view part) const { return type.find(part) != std::string::npos; }
  bool holds_text() const { return is("char") || is("text"); }
};

struct Table {
  std::string name;
  std::vector<SeedColumn> columns;  // without the rowid and what is computed
};

std::vector<std::string> words_for(const std::string& column, const std::string& sql, bool text) {
  using Kind = codec::SqlToken::Kind;
  std::vector<std::string> words;
  for (const std::string& clause : schema_clauses(sql)) {
    const auto tokens = codec::tokenize_sql(codec::SqlDialect::kSqlite, clause);
    const bool about =
        tokens && std::any_of(tokens->begin(), tokens->end(), [&](const auto& token) {
          return sqlite3_stricmp(token.text.c_str(), column.c_str()) == 0;
        });
    for (std::size_t at = 0; about && at < tokens->size(); ++at) {
      const auto& token = (*tokens)[at];
      if (token.kind == (text ? Kind::kString : Kind::kNumber)) {
        words.push_back(text ? quoted(token.text, '\'') : token.text);
      }
    }
  }
  return words;
}

Result<std::vector<Table>> read_tables(Connection& connection) {
  ASSIGN_OR_RETURN(const auto objects, schema_objects(connection, "type = 'table'"));
  std::vector<Table> tables;
  for (const SchemaObject& object : objects) {
    if (is_virtual(object)) {
      continue;
    }
    ASSIGN_OR_RETURN(const Rows found,
                     connection.query("select name, lower(type), \"notnull\" from "
                                      "pragma_table_xinfo(?1) where hidden = 0 and not "
                                      "(lower(type) = 'integer' and pk = 1) order by cid",
                                      {object.name}));
    Table table{object.name, {}};
    for (const auto& row : found.rows) {
      SeedColumn column{row[0].value_or(""), row[1].value_or(""), row[2] != "0", {}};
      column.words = words_for(column.name, object.sql, column.holds_text());
      table.columns.push_back(std::move(column));
    }
    tables.push_back(std::move(table));
  }
  return tables;
}

std::string value_of(const SeedColumn& column, int n, bool wide) {
  if (column.is("bool")) {
    return fmt::format("{}", n % 2);
  }
  if (column.is("date") || column.is("time")) {
    const bool day = !column.is("time");
    return fmt::format("'2001-{:02}-{:02}{}'", 1 + n / 28 % 12, 1 + n % 28,
                       day ? "" : " 12:34:56.789");
  }
  if (column.is("int")) {
    return fmt::format("{}", wide ? 3'000'000'000 + n : n);
  }
  if (column.is("json")) {
    return fmt::format("'{{\"n\": {}}}'", n);
  }
  if (column.is("char") || column.is("clob") || column.is("text")) {
    return fmt::format("'s{}{}'", n, wide ? " and what else a long text has to say" : "");
  }
  return column.is("blob") || column.type.empty() ? fmt::format("x'{:02x}'", n % 256)
                                                  : fmt::format("{}.5", n);
}

enum class Way { kPlain, kAbove, kBelow, kFew };
constexpr Way kWays[] = {Way::kPlain, Way::kAbove, Way::kBelow, Way::kFew};

struct SeedRow {
  int n = 0;  // no other row has it
  Way way = Way::kPlain;
  bool wide = false;
  bool nulls = false;  // wherever one may stand, but for `filled`
  const SeedColumn* filled = nullptr;
};

std::string expression(const SeedColumn& column, const SeedRow& row) {
  if ((row.nulls || row.way == Way::kFew) && !column.required && &column != row.filled) {
    return "null";
  }
  if (!column.words.empty() && column.holds_text()) {
    return column.words[static_cast<std::size_t>(row.n) % column.words.size()];
  }
  if (!column.words.empty() && row.way != Way::kPlain) {
    const bool above = row.way == Way::kAbove;
    return fmt::format("{} {} {}", above ? column.words.front() : column.words.back(),
                       above ? '+' : '-', row.n);
  }
  return value_of(column, row.n, row.wide);
}

Status insert(Connection& connection, const Table& table, const SeedRow& row) {
  std::string names;
  std::string values;
  for (const SeedColumn& column : table.columns) {
    names += (names.empty() ? "" : ", ") + quoted(column.name);
    values += (values.empty() ? "" : ", ") + expression(column, row);
  }
  return connection.execute(
      names.empty()
          ? fmt::format("insert into {} default values", quoted(table.name))
          : fmt::format("insert into {} ({}) values ({})", quoted(table.name), names, values));
}

// In the way that the table let pass; the reason where it let none.
std::string insert_rows(Connection& connection, const Table& table, int round, Way& way) {
  constexpr int kRows = 3;
  std::string why;
  for (const Way each : kWays) {
    Status done;
    for (int row = 1; row <= kRows && done.ok(); ++row) {
      done = insert(connection, table, {.n = round * kRows + row, .way = each});
    }
    way = each;
    if (done.ok()) {
      return "";
    }
    why = why.empty() ? done.message() : why;
  }
  return why;
}

// Rows that a table need not take. Where only NULL was let pass, each column by itself.
void insert_more(Connection& connection, const Table& table, int round, Way way, SeedRows wanted) {
  constexpr int kFirst = 100;
  std::vector<SeedRow> rows;
  if (wanted == SeedRows::kAll) {
    rows.push_back({.n = kFirst + round, .way = way, .wide = true});
  }
  if (wanted != SeedRows::kPlain) {
    rows.push_back({.n = 2 * kFirst + round, .way = way, .nulls = true});
  }
  for (const SeedColumn& column : table.columns) {
    if (way == Way::kFew && !column.required) {
      rows.push_back({.n = (3 + round) * kFirst + static_cast<int>(rows.size()),
                      .way = way,
                      .filled = &column});
    }
  }
  for (const SeedRow& row : rows) {
    if (!table.columns.empty()) {
      static_cast<void>(insert(connection, table, row));
    }
  }
}

}  // namespace

Result<std::map<std::string, std::string>> seed_tables(Connection& connection, int round,
                                                       SeedRows wanted) {
  ASSIGN_OR_RETURN(const std::vector<Table> tables, read_tables(connection));
  std::map<std::string, std::string> refused;
  for (const Table& table : tables) {
    Way way = Way::kPlain;
    if (std::string why = insert_rows(connection, table, round, way); !why.empty()) {
      refused.emplace(table.name, std::move(why));
      continue;
    }
    insert_more(connection, table, round, way, wanted);
  }
  return refused;
}

Status empty_tables(Connection& connection) {
  ASSIGN_OR_RETURN(const std::vector<Table> tables, read_tables(connection));
  for (const Table& table : tables) {
    RETURN_IF_ERROR(connection.execute("delete from " + quoted(table.name)));
  }
  return {};
}

}  // namespace ripcord::sqlite
