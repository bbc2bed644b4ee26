// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/risk_table.h"

#include "controller/codec/sql_lexer.h"

#include <algorithm>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::sqlite {
namespace {

bool contains_word(std::string text, std::string_view word) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return text.find(word) != std::string::npos;
}

// The event is the first of these words: CREATE TRIGGER name [BEFORE | AFTER] event.
bool fires_on(const std::vector<codec::SqlToken>& trigger, const DataLoss& loss) {
  for (const codec::SqlToken& token : trigger) {
    if (token.word("DELETE")) {
      return !loss.keeps_rows;
    }
    if (token.word("UPDATE")) {
      return !loss.overwrites.empty();
    }
    if (token.word("INSERT")) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::string quoted(std::string_view name, char quote) {
  std::string text(1, quote);
  for (const char c : name) {
    text += c;
    if (c == quote) {
      text += c;
    }
  }
  return text + quote;
}

const RiskColumn* RiskTable::find(const std::string& column) const {
  const auto at = std::find_if(columns.begin(), columns.end(), [&](const RiskColumn& each) {
    return sqlite3_stricmp(each.plain.c_str(), column.c_str()) == 0;
  });
  return at == columns.end() ? nullptr : &*at;
}

std::string RiskTable::differs_sql(const RiskColumn& column) {
  return column.default_value.empty() ? column.name + " IS NOT NULL"
                                      : fmt::format("{0} IS NOT NULL AND {0} IS NOT ({1})",
                                                    column.name, column.default_value);
}

Result<std::string> triggers_on(Connection& connection, const std::string& relation,
                                const DataLoss& loss) {
  ASSIGN_OR_RETURN(const Rows rows,
                   connection.query("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' "
                                    "AND tbl_name = ?1 COLLATE NOCASE AND name NOT LIKE "
                                    "'ripcord\\_%' ESCAPE '\\' ORDER BY name",
                                    {relation}));
  std::string names;
  for (const auto& row : rows.rows) {
    const auto tokens = codec::tokenize_sql(codec::SqlDialect::kSqlite, row[1].value_or(""));
    const bool fires = !tokens || fires_on(*tokens, loss);
    names += fires ? (names.empty() ? "" : ", ") + row[0].value_or("") : "";
  }
  return names;
}

Result<RiskTable> find_risk_table(Connection& connection, const std::string& relation) {
  RiskTable table;
  table.name = quoted(relation);
  ASSIGN_OR_RETURN(const Rows rows,
                   connection.query("SELECT name, type, dflt_value, pk FROM pragma_table_xinfo(?1) "
                                    "WHERE hidden = 0 ORDER BY cid",
                                    {relation}));
  for (const auto& row : rows.rows) {
    RiskColumn column;
    column.plain = row[0].value_or("");
    column.name = quoted(column.plain);
    column.is_time = contains_word(row[1].value_or(""), "TIME");
    column.default_value = row[2].value_or("");
    column.constant_default = column.default_value.find('(') == std::string::npos &&
                              !contains_word(column.default_value, "CURRENT_");
    if (!column.constant_default) {
      column.default_value.clear();
    }
    column.is_key = row[3].value_or("0") != "0";
    table.columns.push_back(std::move(column));
  }
  return table;
}

}  // namespace ripcord::sqlite
