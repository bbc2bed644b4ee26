// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/shadow_catalog.h"

#include "adapters/sqlite/risk_table.h"
#include "controller/codec/sql_lexer.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::sqlite {
namespace {

constexpr std::string_view kOwn =
    "name not like 'sqlite\\_%' escape '\\' and name not like 'ripcord\\_%' escape '\\'";

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

using Tokens = std::vector<codec::SqlToken>;

std::string spelled(const codec::SqlToken& token) {
  using Kind = codec::SqlToken::Kind;
  if (token.kind == Kind::kString) {
    return quoted(token.text, '\'');
  }
  return token.kind == Kind::kWord || token.kind == Kind::kQuotedName ? lower(token.text)
                                                                      : token.text;
}

std::string spelled(const Tokens& tokens, std::size_t from, std::size_t to) {
  std::string text;
  for (std::size_t at = from; at < to; ++at) {
    text += (text.empty() ? "" : " ") + spelled(tokens[at]);
  }
  return text;
}

Tokens tokens_of(const std::string& sql) {
  return codec::tokenize_sql(codec::SqlDialect::kSqlite, sql).value_or(Tokens{});
}

bool has_word(const std::string& sql, std::string_view word) {
  const Tokens tokens = tokens_of(sql);
  return std::any_of(tokens.begin(), tokens.end(), [&](const auto& t) { return t.word(word); });
}

Status add_columns(Connection& connection, const std::string& table, SchemaCatalog& catalog) {
  ASSIGN_OR_RETURN(const Rows columns,
                   connection.query("select name, type, \"notnull\", dflt_value, pk, hidden from "
                                    "pragma_table_xinfo(?1) order by cid",
                                    {table}));
  std::string& order = catalog.column_order[table];
  for (const auto& row : columns.rows) {
    const std::string name = row[0].value_or("");
    const char* collation = nullptr;
    sqlite3_table_column_metadata(connection.handle(), nullptr, table.c_str(), name.c_str(),
                                  nullptr, &collation, nullptr, nullptr, nullptr);
    order += (order.empty() ? "" : ", ") + name;
    catalog.objects.emplace(
        fmt::format("column {}.{}", table, name),
        fmt::format("{}{}{}{}{}{}", lower(row[1].value_or("")), row[2] == "1" ? " not null" : "",
                    row[3] ? " default " + *row[3] : "",
                    row[4] == "0" ? "" : " primary key part " + *row[4],
                    collation == nullptr ? "" : " collate " + lower(collation),
                    row[5] == "0" ? "" : " hidden " + *row[5]));
  }
  return {};
}

Status add_keys(Connection& connection, const std::string& table, SchemaCatalog& catalog) {
  ASSIGN_OR_RETURN(
      const Rows foreign,
      connection.query(
          "select group_concat(\"from\", ', '), \"table\", group_concat(coalesce(\"to\", "
          "''), ', '), on_update, on_delete from (select * from "
          "pragma_foreign_key_list(?1) order by id, seq) group by id",
          {table}));
  for (const auto& row : foreign.rows) {
    catalog.objects.emplace(
        fmt::format("foreign key {}.({})", table, row[0].value_or("")),
        fmt::format("references {}({}) on update {} on delete {}", row[1].value_or(""),
                    row[2].value_or(""), row[3].value_or(""), row[4].value_or("")));
  }
  ASSIGN_OR_RETURN(
      const Rows unique,
      connection.query(
          "select l.origin, (select group_concat(i.name, ', ') from "
          "pragma_index_info(l.name) i) from pragma_index_list(?1) l where l.origin <> 'c'",
          {table}));
  for (const auto& row : unique.rows) {
    catalog.objects.emplace(fmt::format("{} {}.({})", row[0] == "pk" ? "primary key" : "unique",
                                        table, row[1].value_or("")),
                            "");
  }
  return {};
}

}  // namespace

std::vector<std::string> schema_clauses(const std::string& sql) {
  const Tokens tokens = tokens_of(sql);
  std::vector<std::string> found;
  for (std::size_t at = 0; at + 1 < tokens.size(); ++at) {
    if (!(tokens[at].word("CHECK") || tokens[at].word("AS")) || !tokens[at + 1].symbol('(')) {
      continue;
    }
    std::size_t end = at + 2;
    for (int depth = 1; end < tokens.size() && depth > 0; ++end) {
      depth += tokens[end].symbol('(') ? 1 : tokens[end].symbol(')') ? -1 : 0;
    }
    found.push_back(spelled(tokens, at, end));
  }
  std::sort(found.begin(), found.end());
  return found;
}

Result<std::vector<SchemaObject>> schema_objects(Connection& connection, const std::string& where) {
  ASSIGN_OR_RETURN(const Rows found,
                   connection.query(fmt::format("select type, name, coalesce(sql, '') from "
                                                "sqlite_schema where {} and {} order by name",
                                                kOwn, where)));
  std::vector<SchemaObject> all;
  for (const auto& row : found.rows) {
    all.push_back({row[0].value_or(""), row[1].value_or(""), row[2].value_or("")});
  }
  return all;
}

bool is_virtual(const SchemaObject& table) {
  return has_word(table.sql, "VIRTUAL");
}

Result<SchemaCatalog> read_catalog(Connection& connection) {
  SchemaCatalog catalog;
  ASSIGN_OR_RETURN(const std::vector<SchemaObject> all, schema_objects(connection, "true"));
  for (const SchemaObject& object : all) {
    const std::string name = object.type + " " + object.name;
    if (object.type != "table" || is_virtual(object)) {
      const Tokens tokens = tokens_of(object.sql);
      if (!tokens.empty()) {  // an index of a constraint has no text
        catalog.objects.emplace(name, spelled(tokens, 0, tokens.size()));
      }
      continue;
    }
    const Tokens tokens = tokens_of(object.sql);
    const auto last = std::find_if(tokens.rbegin(), tokens.rend(),
                                   [](const auto& token) { return token.symbol(')'); });
    const auto tail = static_cast<std::size_t>(tokens.rend() - last);
    catalog.objects.emplace(
        name, fmt::format("{}{}", spelled(tokens, tail, tokens.size()),
                          has_word(object.sql, "AUTOINCREMENT") ? " autoincrement" : ""));
    for (const std::string& clause : schema_clauses(object.sql)) {
      catalog.objects.emplace(fmt::format("clause {}.{}", object.name, clause), "");
    }
    RETURN_IF_ERROR(add_columns(connection, object.name, catalog));
    RETURN_IF_ERROR(add_keys(connection, object.name, catalog));
  }
  return catalog;
}

Result<ShadowContent> read_content(Connection& connection) {
  ASSIGN_OR_RETURN(const std::vector<SchemaObject> tables,
                   schema_objects(connection, "type = 'table'"));
  ShadowContent content;
  for (const SchemaObject& table : tables) {
    if (is_virtual(table)) {
      continue;
    }
    ASSIGN_OR_RETURN(
        const Rows columns,
        connection.query("select name from pragma_table_info(?1) order by cid", {table.name}));
    TableContent& kept = content[table.name];
    std::string names;
    for (const auto& row : columns.rows) {
      kept.columns.push_back(row[0].value_or(""));
      names += (names.empty() ? "" : ", ") + quoted(kept.columns.back());
    }
    ASSIGN_OR_RETURN(Rows rows,
                     connection.query("select " + names + " from " + quoted(table.name)));
    kept.rows = std::move(rows.rows);
  }
  return content;
}

}  // namespace ripcord::sqlite
