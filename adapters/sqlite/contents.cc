// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/contents.h"

#include "controller/base/sha256.h"

#include <charconv>
#include <cstring>
#include <map>
#include <set>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::sqlite {
namespace {

// FNV-1a with a finish that spreads every bit: sums of it keep the differences of single rows.
class RowHash {
 public:
  void add(const void* bytes, std::size_t count) {
    const auto* byte = static_cast<const unsigned char*>(bytes);
    for (std::size_t i = 0; i < count; ++i) {
      state_ = (state_ ^ byte[i]) * 0x100000001b3U;
    }
  }
  std::uint64_t finish() const {
    std::uint64_t x = state_;
    x = (x ^ (x >> 33U)) * 0xff51afd7ed558ccdU;
    x = (x ^ (x >> 33U)) * 0xc4ceb9fe1a85ec53U;
    return x ^ (x >> 33U);
  }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325U;
};

// With its type and length, so that neighbours cannot be taken for one another.
void add_value(RowHash& hash, sqlite3_value* value) {
  const unsigned char type = static_cast<unsigned char>(sqlite3_value_type(value));
  hash.add(&type, 1);
  if (type == SQLITE_INTEGER) {
    const sqlite3_int64 number = sqlite3_value_int64(value);
    hash.add(&number, sizeof number);
  } else if (type == SQLITE_FLOAT) {
    const double number = sqlite3_value_double(value);
    hash.add(&number, sizeof number);
  } else if (type != SQLITE_NULL) {
    const void* bytes = sqlite3_value_blob(value);
    const std::int64_t count = sqlite3_value_bytes(value);
    hash.add(&count, sizeof count);
    hash.add(bytes, static_cast<std::size_t>(count));
  }
}

void row_hash(sqlite3_context* context, int count, sqlite3_value** values) {
  RowHash hash;
  for (int i = 0; i < count; ++i) {
    add_value(hash, values[i]);
  }
  sqlite3_result_int64(context, static_cast<sqlite3_int64>(hash.finish()));
}

void wrapping_sum_step(sqlite3_context* context, int, sqlite3_value** values) {
  auto* sum =
      static_cast<std::uint64_t*>(sqlite3_aggregate_context(context, sizeof(std::uint64_t)));
  if (sum != nullptr) {
    *sum += static_cast<std::uint64_t>(sqlite3_value_int64(values[0]));
  }
}

void wrapping_sum_end(sqlite3_context* context) {
  const auto* sum = static_cast<std::uint64_t*>(sqlite3_aggregate_context(context, 0));
  const std::string text = std::to_string(sum == nullptr ? 0 : *sum);
  sqlite3_result_text(context, text.c_str(), -1, SQLITE_TRANSIENT);
}

Status add_functions(Connection& connection) {
  const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
  int code = sqlite3_create_function(connection.handle(), "ripcord_hash", -1, flags, nullptr,
                                     row_hash, nullptr, nullptr);
  if (code == SQLITE_OK) {
    code = sqlite3_create_function(connection.handle(), "ripcord_sum", 1, flags, nullptr, nullptr,
                                   wrapping_sum_step, wrapping_sum_end);
  }
  return code == SQLITE_OK ? ok_status() : connection.failure(code);
}

// Definitions as they were written, by the table that they belong to; "" has all that is no
// table's.
Result<std::map<std::string, std::string>> definitions(Connection& connection,
                                                       const std::set<std::string>& tables) {
  ASSIGN_OR_RETURN(const Rows rows,
                   connection.query("select tbl_name, type || '|' || name || '|' || coalesce(sql, "
                                    "'') from sqlite_schema where name not like "
                                    "'sqlite\\_stat%' escape '\\' order by type, name"));
  std::map<std::string, std::string> text;
  for (const auto& row : rows.rows) {
    const std::string owner = row.at(0).value_or("");
    text[tables.contains(owner) ? owner : ""] += row.at(1).value_or("") + "\n";
  }
  return text;
}

Result<std::string> columns_of(Connection& connection, const std::string& table) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.query("select name from pragma_table_xinfo(?1) order by name", {table}));
  std::string columns;
  for (const auto& row : rows.rows) {
    columns += (columns.empty() ? "" : ", ") + quoted_name(row.at(0).value_or(""));
  }
  return columns;
}

Result<TableContents> contents_of(Connection& connection, const std::string& table,
                                  const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const std::string columns, columns_of(connection, table));
  ASSIGN_OR_RETURN(
      const Rows found,
      connection.query(fmt::format("select count(*), ripcord_sum(ripcord_hash({})) from {}",
                                   columns, quoted_name(table)),
                       {}, stop));
  TableContents contents{table, 0, found.rows.at(0).at(1).value_or("0"), ""};
  const std::string rows = found.rows.at(0).at(0).value_or("0");
  std::from_chars(rows.data(), rows.data() + rows.size(), contents.rows);
  return contents;
}

Result<DatabaseContents> survey_snapshot(Connection& connection, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const Rows listed,
                   connection.query("select name from pragma_table_list where schema = 'main' and "
                                    "type in ('table', 'shadow') and name not like 'sqlite\\_%' "
                                    "escape '\\' order by name"));
  std::set<std::string> names;
  for (const auto& row : listed.rows) {
    names.insert(row.at(0).value_or(""));
  }
  ASSIGN_OR_RETURN(auto text, definitions(connection, names));
  DatabaseContents contents;
  contents.schema = sha256_hex(text[""]);
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(TableContents table, contents_of(connection, name, stop));
    table.schema = sha256_hex(text[name]);
    contents.tables.push_back(std::move(table));
  }
  return contents;
}

}  // namespace

std::string quoted_name(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) {
    text += c;
    if (c == '"') {
      text += c;
    }
  }
  return text + "\"";
}

Result<DatabaseContents> survey(Connection& connection, const std::stop_token& stop) {
  RETURN_IF_ERROR(add_functions(connection));
  RETURN_IF_ERROR(connection.execute("begin"));
  Result<DatabaseContents> contents = survey_snapshot(connection, stop);
  RETURN_IF_ERROR(connection.execute("rollback"));
  return contents;
}

}  // namespace ripcord::sqlite
