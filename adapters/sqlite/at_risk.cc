// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/at_risk.h"

#include "controller/base/durable_folder.h"
#include "controller/base/time_text.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::sqlite {
namespace {

constexpr std::string_view kScript = "bring-back.sql";

std::string quoted(std::string_view name, char quote = '"') {
  std::string text(1, quote);
  for (const char c : name) {
    text += c;
    if (c == quote) {
      text += c;
    }
  }
  return text + quote;
}

struct Column {
  std::string plain;
  std::string name;           // quoted
  std::string default_value;  // SQL text; empty: none, or it is no constant
  bool constant_default = true;
  bool is_time = false;
  bool is_key = false;
};

struct Table {
  std::string name;  // quoted
  std::vector<Column> columns;

  const Column* find(const std::string& column) const {
    const auto at = std::find_if(columns.begin(), columns.end(),
                                 [&](const Column& each) { return each.plain == column; });
    return at == columns.end() ? nullptr : &*at;
  }
  static std::string differs_sql(const Column& column) {
    return column.default_value.empty() ? column.name + " IS NOT NULL"
                                        : fmt::format("{0} IS NOT NULL AND {0} IS NOT ({1})",
                                                      column.name, column.default_value);
  }
};

bool contains_word(std::string text, std::string_view word) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return text.find(word) != std::string::npos;
}

// Empty columns: there is no such table.
Result<Table> find_table(Connection& connection, const std::string& relation) {
  Table table;
  table.name = quoted(relation);
  ASSIGN_OR_RETURN(const Rows rows,
                   connection.query("SELECT name, type, dflt_value, pk FROM pragma_table_xinfo(?1) "
                                    "WHERE hidden = 0 ORDER BY cid",
                                    {relation}));
  for (const auto& row : rows.rows) {
    Column column;
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

Status ask(Connection& connection, const Table& table, const std::string& filter,
           const std::stop_token& stop, DataAtRisk& risk) {
  ASSIGN_OR_RETURN(const Rows rows, connection.query(fmt::format("SELECT count(*) FROM {} WHERE {}",
                                                                 table.name, filter),
                                                     {}, stop));
  risk.rows = std::strtoll(rows.rows.at(0).at(0).value_or("0").c_str(), nullptr, 10);
  for (const Column& column : table.columns) {
    if (!column.is_time) {
      continue;
    }
    // Text that SQLite reads as a time, or Unix seconds; those of the future tell nothing.
    ASSIGN_OR_RETURN(
        const Rows newest,
        connection.query(
            fmt::format("SELECT max(t) FROM (SELECT CASE typeof({0}) WHEN 'integer' THEN "
                        "strftime('%Y-%m-%dT%H:%M:%SZ', {0}, 'unixepoch') ELSE "
                        "strftime('%Y-%m-%dT%H:%M:%SZ', {0}) END AS t FROM {1} WHERE {2}) WHERE t "
                        "<= strftime('%Y-%m-%dT%H:%M:%SZ', 'now')",
                        column.name, table.name, filter),
            {}, stop));
    const auto time = parse_time(newest.rows.at(0).at(0).value_or(""));
    if (time && (!risk.newest || *time > *risk.newest)) {
      risk.newest = *time;
    }
  }
  return {};
}

Status count_one(Connection& connection, const DataLoss& loss, const std::stop_token& stop,
                 DataAtRisk& risk) {
  const bool column_loss = loss.what == DataLoss::What::kColumn;
  if (!column_loss && loss.what != DataLoss::What::kTable && loss.what != DataLoss::What::kRows) {
    risk.note = "cannot be counted";
    return {};
  }
  ASSIGN_OR_RETURN(const Table table, find_table(connection, loss.relation));
  const Column* column = column_loss ? table.find(loss.column) : nullptr;
  if (table.columns.empty() || (column_loss && column == nullptr)) {
    risk.note = fmt::format("there is no such {} now: another step makes or renames it",
                            column_loss ? "column" : "table");
    return {};
  }
  if (column_loss && !column->constant_default) {
    risk.note = "its default is no constant, so every value counts";
  }
  risk.at_most = loss.what == DataLoss::What::kRows;
  return ask(connection, table, column_loss ? Table::differs_sql(*column) : "1", stop, risk);
}

struct StatementCloser {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

// One field as RFC 4180 has it; NULL is nothing, an empty text is "".
void append_csv(std::string& line, sqlite3_stmt* row, int at) {
  const int type = sqlite3_column_type(row, at);
  if (type == SQLITE_NULL) {
    return;
  }
  if (type == SQLITE_BLOB) {
    const auto* bytes = static_cast<const unsigned char*>(sqlite3_column_blob(row, at));
    for (int i = 0; i < sqlite3_column_bytes(row, at); ++i) {
      line += fmt::format("{:02x}", bytes[i]);
    }
    return;
  }
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(row, at));
  line += quoted({text, static_cast<std::size_t>(sqlite3_column_bytes(row, at))});
}

class Archive {
 public:
  Archive(Connection& connection, DurableFolder& folder, const std::stop_token& stop)
      : connection_(connection), folder_(folder), stop_(stop) {}

  Status copy(const ArchiveOrder::Item& item) {
    const DataLoss& loss = item.loss;
    ASSIGN_OR_RETURN(const Table table, find_table(connection_, loss.relation));
    const Column* lost = loss.what == DataLoss::What::kColumn ? table.find(loss.column) : nullptr;
    const bool rows = loss.what == DataLoss::What::kTable || loss.what == DataLoss::What::kRows;
    if (table.columns.empty() || (!rows && lost == nullptr)) {
      script_ += fmt::format("-- {}: it was not there any more\n", item.file);
      return {};
    }
    std::vector<std::string> names;
    std::vector<std::string> key;
    for (const Column& column : table.columns) {
      if (rows || column.is_key || &column == lost) {
        names.push_back(column.name);
      }
      if (column.is_key) {
        key.push_back(column.name);
      }
    }
    if (lost != nullptr && key.empty()) {
      names.insert(names.begin(), "rowid");
      key.emplace_back("rowid");
    }
    const std::string list = fmt::format("{}", fmt::join(names, ", "));
    const std::string where = lost == nullptr ? "1" : Table::differs_sql(*lost);
    RETURN_IF_ERROR(
        write_csv(fmt::format("SELECT {} FROM {} WHERE {}", list, table.name, where), item.file));
    return write_statements(statements_sql(table, lost, names, key, where));
  }

  Status write_script(std::int64_t version) {
    RETURN_IF_ERROR(folder_.open(std::string(kScript)));
    RETURN_IF_ERROR(folder_.write(fmt::format(
        "-- What the down of version {} destroyed. Once that version is applied again, bring it "
        "back,\n-- once:  sqlite3 -bail FILE \".read {}\"\nBEGIN;\n",
        version, kScript)));
    RETURN_IF_ERROR(folder_.write(script_));
    RETURN_IF_ERROR(folder_.write("COMMIT;\n"));
    return folder_.close();
  }

 private:
  // A query whose rows are the statements that bring the rows or values back, exactly.
  static std::string statements_sql(const Table& table, const Column* lost,
                                    const std::vector<std::string>& names,
                                    const std::vector<std::string>& key, const std::string& where) {
    const std::string table_text = quoted(table.name, '\'');
    std::string values;
    if (lost == nullptr) {
      for (const std::string& name : names) {
        values += fmt::format("{}quote({})", values.empty() ? "" : " || ', ' || ", name);
      }
      const std::string list = fmt::format("{}", fmt::join(names, ", "));
      return fmt::format(
          "SELECT 'INSERT OR IGNORE INTO ' || {} || ' (' || {} || ') VALUES (' || {} || ');' FROM "
          "{} WHERE {}",
          table_text, quoted(list, '\''), values, table.name, where);
    }
    for (const std::string& name : key) {
      values += fmt::format("{}{} || quote({})", values.empty() ? "" : " || ' AND ' || ",
                            quoted(name + " = ", '\''), name);
    }
    const std::string untouched =
        fmt::format(" AND ({0} IS NULL{1});", lost->name,
                    lost->default_value.empty()
                        ? std::string()
                        : fmt::format(" OR {} IS ({})", lost->name, lost->default_value));
    return fmt::format(
        "SELECT 'UPDATE ' || {} || {} || quote({}) || ' WHERE ' || {} || {} FROM {} WHERE {}",
        table_text, quoted(fmt::format(" SET {} = ", lost->name), '\''), lost->name, values,
        quoted(untouched, '\''), table.name, where);
  }

  Status each_row(const std::string& sql, const std::function<Status(sqlite3_stmt*)>& take) {
    sqlite3_stmt* raw = nullptr;
    const int prepared = sqlite3_prepare_v2(connection_.handle(), sql.c_str(), -1, &raw, nullptr);
    const std::unique_ptr<sqlite3_stmt, StatementCloser> statement(raw);
    if (prepared != SQLITE_OK) {
      return connection_.failure(prepared);
    }
    while (true) {
      const int code = sqlite3_step(statement.get());
      if (code == SQLITE_DONE) {
        return {};
      }
      if (code != SQLITE_ROW) {
        return connection_.failure(code);
      }
      RETURN_IF_ERROR(take(statement.get()));
      if (stop_.stop_requested()) {
        return {StatusCode::kCancelled, "stopped while copying"};
      }
    }
  }

  Status write_csv(const std::string& sql, const std::string& file) {
    RETURN_IF_ERROR(folder_.open(file));
    bool first = true;
    RETURN_IF_ERROR(each_row(sql, [&](sqlite3_stmt* row) -> Status {
      std::string line;
      if (std::exchange(first, false)) {
        for (int i = 0; i < sqlite3_column_count(row); ++i) {
          line += fmt::format("{}{}", i == 0 ? "" : ",", quoted(sqlite3_column_name(row, i)));
        }
        line += "\r\n";
      }
      for (int i = 0; i < sqlite3_column_count(row); ++i) {
        line += i == 0 ? "" : ",";
        append_csv(line, row, i);
      }
      return folder_.write(line + "\r\n");
    }));
    return folder_.close();
  }

  Status write_statements(const std::string& sql) {
    return each_row(sql, [&](sqlite3_stmt* row) -> Status {
      script_ += reinterpret_cast<const char*>(sqlite3_column_text(row, 0));
      script_ += '\n';
      return {};
    });
  }

  Connection& connection_;
  DurableFolder& folder_;
  const std::stop_token& stop_;
  std::string script_;
};

}  // namespace

Result<std::vector<DataAtRisk>> count_at_risk(Connection& connection,
                                              const std::vector<LossAtRisk>& losses,
                                              const std::stop_token& stop) {
  std::vector<DataAtRisk> counted;
  for (const LossAtRisk& loss : losses) {
    DataAtRisk& risk = counted.emplace_back();
    risk.version = loss.version;
    risk.what = loss.unknown.empty() ? to_string(loss.loss) : "unknown";
    if (!loss.unknown.empty()) {
      risk.note = "cannot be counted: " + loss.unknown;
      continue;
    }
    RETURN_IF_ERROR(count_one(connection, loss.loss, stop, risk));
  }
  return counted;
}

Status archive(Connection& connection, const ArchiveOrder& order, std::int64_t version,
               const std::stop_token& stop) {
  ASSIGN_OR_RETURN(DurableFolder folder, DurableFolder::begin(order.folder));
  Archive archive(connection, folder, stop);
  for (const ArchiveOrder::Item& item : order.items) {
    RETURN_IF_ERROR(archive.copy(item));
  }
  RETURN_IF_ERROR(archive.write_script(version));
  return folder.finish();
}

}  // namespace ripcord::sqlite
