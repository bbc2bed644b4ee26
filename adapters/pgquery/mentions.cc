// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/mentions.h"

#include "adapters/pgquery/names.h"
#include "adapters/pgquery/parse.h"
#include "adapters/pgquery/tree.h"
#include "controller/codec/sql_lexer.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace ripcord::pgquery {
namespace {

struct Wanted {
  std::string schema;  // empty: whichever
  std::string table;
  std::string column;  // empty: the table itself
};

Wanted wanted_of(const DataLoss& what) {
  const std::size_t dot = what.relation.find('.');
  const bool bare = dot == std::string::npos;
  return {bare ? "" : what.relation.substr(0, dot),
          bare ? what.relation : what.relation.substr(dot + 1), what.column};
}

bool is_query(std::string_view key) {
  constexpr std::array<std::string_view, 9> kQueries{
      "SelectStmt",  "InsertStmt",        "UpdateStmt",  "DeleteStmt", "MergeStmt",
      "ExplainStmt", "DeclareCursorStmt", "PrepareStmt", "CopyStmt"};
  return std::find(kQueries.begin(), kQueries.end(), key) != kQueries.end();
}

bool is_table(Node range, const Wanted& wanted) {
  const Node schema = range["schemaname"];
  return range["relname"].text() == wanted.table &&
         (!schema || wanted.schema.empty() || schema.text() == wanted.schema);
}

// INSERT INTO t VALUES (...), without saying into which columns.
bool writes_every_column(Node insert, const Wanted& wanted) {
  return is_table(insert["relation"], wanted) && !insert["cols"] && insert["selectStmt"];
}

bool in_tree(Node statement, const Wanted& wanted) {
  bool table = false;
  bool column = wanted.column.empty();
  const auto look = [&](Node node) {
    const std::string_view key = node.key();
    if (key == "RangeVar" || key == "relation") {
      table = table || is_table(node, wanted);
    } else if (key == "ColumnRef") {
      const Node fields = node["fields"];
      for (Node each = fields.first(); each; each = each.next()) {
        column = column || each["String"]["sval"].text() == wanted.column;
      }
    } else if (key == "ResTarget") {
      // The columns of INSERT and what UPDATE sets; also an alias, which does no harm.
      column = column || node["name"].text() == wanted.column;
    } else if (key == "InsertStmt") {
      column = column || writes_every_column(node, wanted);
    }
  };
  look(statement);
  statement.each_below(look);
  return table && column;
}

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

bool in_words(const std::string& statement, const Wanted& wanted) {
  const auto tokens = codec::tokenize_sql(codec::SqlDialect::kPostgreSql, statement);
  if (!tokens) {
    return true;
  }
  const auto there = [&](const std::string& name) {
    return std::any_of(tokens->begin(), tokens->end(),
                       [&](const codec::SqlToken& token) { return same(token.text, name); });
  };
  return there(wanted.table) && (wanted.column.empty() || there(wanted.column));
}

}  // namespace

bool mentions(const std::string& statement, const DataLoss& what) {
  const Wanted wanted = wanted_of(what);
  const auto parsed = parse_sql(statement);
  if (!parsed || !parsed->error.empty()) {
    return in_words(statement, wanted);
  }
  const Tree tree(parsed->tree);
  const Node statements = tree.root()["stmts"];
  for (Node each = statements.first(); each; each = each.next()) {
    const Node node = each["stmt"].unwrapped();
    const bool copies_table = node.key() == "CopyStmt" && !node["query"];
    if (is_query(node.key()) && !copies_table && in_tree(node, wanted)) {
      return true;
    }
  }
  return false;
}

}  // namespace ripcord::pgquery
