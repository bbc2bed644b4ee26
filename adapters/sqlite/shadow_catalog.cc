// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/shadow_catalog.h"

#include "controller/codec/sql_lexer.h"

#include <algorithm>
#include <cctype>
#include <set>

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

std::string literal(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    quoted += c == '\'' ? "''" : std::string(1, c);
  }
  return quoted + "'";
}

std::string spelled(const codec::SqlToken& token) {
  using Kind = codec::SqlToken::Kind;
  if (token.kind == Kind::kString) {
    return literal(token.text);
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

// What stands in parentheses after CHECK and AS: the pragmas do not tell it.
std::vector<std::string> clauses(const std::string& sql) {
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

bool has_word(const std::string& sql, std::string_view word) {
  const Tokens tokens = tokens_of(sql);
  return std::any_of(tokens.begin(), tokens.end(), [&](const auto& t) { return t.word(word); });
}

struct Object {
  std::string type;
  std::string name;
  std::string sql;
};

Result<std::vector<Object>> objects(Connection& connection, const std::string& where) {
  ASSIGN_OR_RETURN(const Rows found,
                   connection.query(fmt::format("select type, name, coalesce(sql, '') from "
                                                "sqlite_schema where {} and {} order by name",
                                                kOwn, where)));
  std::vector<Object> all;
  for (const auto& row : found.rows) {
    all.push_back({row[0].value_or(""), row[1].value_or(""), row[2].value_or("")});
  }
  return all;
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

std::string quoted(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) {
    text += c == '"' ? "\"\"" : std::string(1, c);
  }
  return text + "\"";
}

struct Seed {
  std::string names;
  std::string values;
};

// Literals of the table's checks that name the column.
std::vector<std::string> words_for(const std::string& column, const std::string& sql, bool text) {
  std::vector<std::string> words;
  for (const std::string& clause : clauses(sql)) {
    const Tokens tokens = tokens_of(clause);
    const bool about = std::any_of(tokens.begin(), tokens.end(), [&](const auto& token) {
      return spelled(token) == lower(column);
    });
    for (const auto& token : tokens) {
      if (about &&
          token.kind == (text ? codec::SqlToken::Kind::kString : codec::SqlToken::Kind::kNumber)) {
        words.push_back(spelled(token));
      }
    }
  }
  return words;
}

std::string value_of(const std::string& type, int n) {
  const auto is = [&](std::string_view part) { return type.find(part) != std::string::npos; };
  if (is("bool")) {
    return fmt::format("{}", n % 2);
  }
  if (is("date") || is("time")) {
    return fmt::format("'2001-{:02}-{:02}'", 1 + n / 28 % 12, 1 + n % 28);
  }
  if (is("int")) {
    return fmt::format("{}", n);
  }
  if (is("json")) {
    return fmt::format("'{{\"n\": {}}}'", n);
  }
  if (is("char") || is("clob") || is("text")) {
    return fmt::format("'s{}'", n);
  }
  return is("blob") || type.empty() ? fmt::format("x'{:02x}'", n % 256) : fmt::format("{}.5", n);
}

enum class Way { kPlain, kAbove, kBelow, kFew };
constexpr Way kWays[] = {Way::kPlain, Way::kAbove, Way::kBelow, Way::kFew};

// One row, from pragma_table_xinfo.
Seed seed_of(const Object& table, const Rows& columns, int n, Way way) {
  Seed seed;
  for (const auto& row : columns.rows) {
    const std::string name = row[0].value_or("");
    const std::string type = lower(row[1].value_or(""));
    if (row[3] == "1") {
      continue;  // the rowid
    }
    const bool text =
        type.find("char") != std::string::npos || type.find("text") != std::string::npos;
    const auto words = words_for(name, table.sql, text);
    std::string value = value_of(type, n);
    if (way == Way::kFew && row[2] == "0") {
      value = "null";
    } else if (!words.empty() && text) {
      value = words[static_cast<std::size_t>(n) % words.size()];
    } else if (!words.empty() && way != Way::kPlain) {
      value = fmt::format("{} {} {}", way == Way::kAbove ? words.front() : words.back(),
                          way == Way::kAbove ? '+' : '-', n);
    }
    seed.names += (seed.names.empty() ? "" : ", ") + quoted(name);
    seed.values += (seed.values.empty() ? "" : ", ") + value;
  }
  return seed;
}

Result<std::string> seed_table(Connection& connection, const Object& table, int round) {
  constexpr int kRows = 3;
  ASSIGN_OR_RETURN(
      const Rows columns,
      connection.query("select name, type, \"notnull\", lower(type) = 'integer' and pk = 1 "
                       "from pragma_table_xinfo(?1) where hidden = 0 order by cid",
                       {table.name}));
  std::string why;
  for (const Way way : kWays) {
    Status done;
    for (int row = 1; row <= kRows && done.ok(); ++row) {
      const Seed seed = seed_of(table, columns, round * kRows + row, way);
      done = connection.execute(
          seed.names.empty() ? fmt::format("insert into {} default values", quoted(table.name))
                             : fmt::format("insert into {} ({}) values ({})", quoted(table.name),
                                           seed.names, seed.values));
    }
    if (done.ok()) {
      return std::string();
    }
    why = why.empty() ? done.message() : why;
  }
  return why;
}

}  // namespace

Result<SchemaCatalog> read_catalog(Connection& connection) {
  SchemaCatalog catalog;
  ASSIGN_OR_RETURN(const std::vector<Object> all, objects(connection, "true"));
  for (const Object& object : all) {
    const std::string name = object.type + " " + object.name;
    if (object.type != "table" || has_word(object.sql, "VIRTUAL")) {
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
    for (const std::string& clause : clauses(object.sql)) {
      catalog.objects.emplace(fmt::format("clause {}.{}", object.name, clause), "");
    }
    RETURN_IF_ERROR(add_columns(connection, object.name, catalog));
    RETURN_IF_ERROR(add_keys(connection, object.name, catalog));
  }
  return catalog;
}

Result<std::map<std::string, std::string>> seed_tables(Connection& connection, int round) {
  ASSIGN_OR_RETURN(const std::vector<Object> tables, objects(connection, "type = 'table'"));
  std::map<std::string, std::string> refused;
  for (const Object& table : tables) {
    if (has_word(table.sql, "VIRTUAL")) {
      continue;
    }
    ASSIGN_OR_RETURN(std::string why, seed_table(connection, table, round));
    if (!why.empty()) {
      refused.emplace(table.name, std::move(why));
    }
  }
  return refused;
}

Result<ShadowContent> read_content(Connection& connection) {
  ASSIGN_OR_RETURN(const std::vector<Object> tables, objects(connection, "type = 'table'"));
  ShadowContent content;
  for (const Object& table : tables) {
    if (has_word(table.sql, "VIRTUAL")) {
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
