// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/archive.h"

#include "adapters/sqlite/risk_table.h"
#include "controller/base/durable_folder.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::sqlite {
namespace {

constexpr std::string_view kScript = "bring-back.sql";

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

using Names = std::vector<std::string>;

std::string list_of(const Names& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

// SQL for the text of a row's values.
std::string values_of(const Names& names, std::string_view between) {
  std::string values;
  for (const std::string& name : names) {
    values +=
        fmt::format("{}quote({})", values.empty() ? "" : fmt::format(" || {} || ", between), name);
  }
  return values;
}

// SQL for the text "a = 1, b = 'x'" of a row.
std::string pairs(const Names& names, std::string_view relation, std::string_view between) {
  std::string text;
  for (const std::string& name : names) {
    text += fmt::format(
        "{}{} || quote({})", text.empty() ? "" : " || ",
        quoted(fmt::format("{}{}{}", text.empty() ? "" : between, name, relation), '\''), name);
  }
  return text;
}

class Archive {
 public:
  Archive(Connection& connection, DurableFolder& folder, const std::stop_token& stop)
      : connection_(connection), folder_(folder), stop_(stop) {}

  Status copy(const ArchiveOrder::Item& item) {
    const DataLoss& loss = item.loss;
    ASSIGN_OR_RETURN(const RiskTable table, find_risk_table(connection_, loss.relation));
    const bool rows = loss.what == DataLoss::What::kTable || loss.what == DataLoss::What::kRows;
    if (rows && !table.columns.empty()) {
      return copy_rows(table, loss, item.file);
    }
    const RiskColumn* lost =
        loss.what == DataLoss::What::kColumn ? table.find(loss.column) : nullptr;
    if (lost != nullptr) {
      return copy_column(table, *lost, item.file);
    }
    say(fmt::format("-- {}: it was not there any more\n", item.file));
    return {};
  }

  Status write_script(std::int64_t version) {
    RETURN_IF_ERROR(folder_.open(std::string(kScript)));
    RETURN_IF_ERROR(folder_.write(fmt::format(
        "-- What the down of version {} destroyed. Once that version is applied again, bring it "
        "back,\n-- once:  sqlite3 -bail FILE \".read {}\"\nBEGIN;\n",
        version, kScript)));
    for (const Part& part : script_) {
      RETURN_IF_ERROR(part.is_query ? write_rows(part.text) : folder_.write(part.text));
    }
    RETURN_IF_ERROR(folder_.write("COMMIT;\n"));
    return folder_.close();
  }

 private:
  // Of the script, which is written last: the rows of a query, which may be many, or text.
  struct Part {
    std::string text;
    bool is_query = false;
  };

  void say(std::string text) { script_.push_back({std::move(text), false}); }
  void say_rows_of(std::string query) { script_.push_back({std::move(query), true}); }

  Status copy_rows(const RiskTable& table, const DataLoss& loss, const std::string& file) {
    const std::string where = loss.where.value_or("1");
    Names all;
    Names key;
    Names overwritten;
    Names beside;  // those that stay as they are
    for (const RiskColumn& column : table.columns) {
      const bool lost =
          std::any_of(loss.overwrites.begin(), loss.overwrites.end(),
                      [&](const std::string& name) { return table.find(name) == &column; });
      all.push_back(column.name);
      (lost ? overwritten : beside).push_back(column.name);
      if (column.is_key) {
        key.push_back(column.name);
      }
    }
    Names shown = all;
    if (key.empty() && !overwritten.empty()) {
      shown.insert(shown.begin(), "rowid");
    }
    RETURN_IF_ERROR(write_csv(
        fmt::format("SELECT {} FROM {} WHERE {}", list_of(shown), table.name, where), file));
    if (std::any_of(key.begin(), key.end(), [&](const std::string& name) {
          return std::find(overwritten.begin(), overwritten.end(), name) != overwritten.end();
        })) {
      say(fmt::format(
          "-- The primary key was written over: the rows as they were are in {}; say yourself "
          "which is which.\n",
          file));
      return {};
    }
    if (!overwritten.empty()) {
      say_rows_of(write_back_sql(table, key, overwritten, beside, where));
    }
    if (loss.keeps_rows) {
      return {};
    }
    if (key.empty()) {
      insert_missing(table, all, where);
    } else {
      say_rows_of(insert_sql(table, table.name, all, where));
    }
    return {};
  }

  // What was written to these columns since is overwritten. A rowid alone could be that of a newer
  // row.
  static std::string write_back_sql(const RiskTable& table, const Names& key,
                                    const Names& overwritten, const Names& beside,
                                    const std::string& where) {
    const std::string which = key.empty() ? pairs({"rowid"}, " = ", "") +
                                                (beside.empty() ? "" : " || ' AND ' || ") +
                                                pairs(beside, " IS ", " AND ")
                                          : pairs(key, " IS ", " AND ");
    return fmt::format(
        "SELECT 'UPDATE ' || {} || ' SET ' || {} || ' WHERE ' || {} || ' AND NOT (' || {} || ');' "
        "FROM {} WHERE {}",
        quoted(table.name, '\''), pairs(overwritten, " = ", ", "), which,
        pairs(overwritten, " IS ", " AND "), table.name, where);
  }

  Status copy_column(const RiskTable& table, const RiskColumn& lost, const std::string& file) {
    Names names;
    Names key;
    for (const RiskColumn& column : table.columns) {
      if (column.is_key || &column == &lost) {
        names.push_back(column.name);
      }
      if (column.is_key) {
        key.push_back(column.name);
      }
    }
    if (key.empty()) {
      names.insert(names.begin(), "rowid");
      key.emplace_back("rowid");
    }
    const std::string where = RiskTable::differs_sql(lost);
    RETURN_IF_ERROR(write_csv(
        fmt::format("SELECT {} FROM {} WHERE {}", list_of(names), table.name, where), file));
    const std::string untouched = fmt::format(
        " AND ({0} IS NULL{1});", lost.name,
        lost.default_value.empty() ? std::string()
                                   : fmt::format(" OR {} IS ({})", lost.name, lost.default_value));
    say_rows_of(
        fmt::format("SELECT 'UPDATE ' || {} || ' SET ' || {} || ' WHERE ' || {} || {} FROM {} "
                    "WHERE {}",
                    quoted(table.name, '\''), pairs({lost.name}, " = ", ""),
                    pairs(key, " = ", " AND "), quoted(untouched, '\''), table.name, where));
    return {};
  }

  // A query whose rows are the statements that insert the rows of `table` into `target`, exactly.
  static std::string insert_sql(const RiskTable& table, const std::string& target,
                                const Names& names, const std::string& where) {
    return fmt::format(
        "SELECT 'INSERT OR IGNORE INTO ' || {} || ' (' || {} || ') VALUES (' || {} || ');' FROM {} "
        "WHERE {}",
        quoted(target, '\''), quoted(list_of(names), '\''), values_of(names, "', '"), table.name,
        where);
  }

  // Without a key, rows that look the same are counted: as many are inserted as are missing.
  void insert_missing(const RiskTable& table, const Names& names, const std::string& where) {
    const std::string staging = fmt::format("temp.ripcord_back_{}", ++number_);
    const std::string list = list_of(names);
    say(fmt::format("CREATE TABLE {} ({});\n", staging, list));
    say_rows_of(insert_sql(table, staging, names, where));
    say(fmt::format(
        "INSERT OR IGNORE INTO {0} ({1}) SELECT {1} FROM (SELECT {1}, {2} AS ripcord_row, "
        "row_number() OVER (PARTITION BY {2}) AS ripcord_nth FROM {3}) LEFT JOIN (SELECT {2} AS "
        "ripcord_row, count(*) AS ripcord_here FROM {0} GROUP BY 1) USING (ripcord_row) WHERE "
        "ripcord_nth > coalesce(ripcord_here, 0);\n",
        table.name, list, values_of(names, "','"), staging));
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

  Status write_rows(const std::string& sql) {
    return each_row(sql, [&](sqlite3_stmt* row) {
      return folder_.write(std::string(reinterpret_cast<const char*>(sqlite3_column_text(row, 0))) +
                           "\n");
    });
  }

  Connection& connection_;
  DurableFolder& folder_;
  const std::stop_token& stop_;
  std::vector<Part> script_;
  int number_ = 0;
};

}  // namespace

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
