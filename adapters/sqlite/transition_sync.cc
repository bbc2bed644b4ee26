// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/transition_sync.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::sqlite {
namespace {

constexpr std::array<const char*, 3> kRowIds = {"rowid", "_rowid_", "oid"};

struct Column {
  std::string name;
  std::string default_text;  // empty: none
  int key = 0;               // place in the primary key, from 1
  bool generated = false;
  bool not_null = false;
};

struct Table {
  std::string name;
  std::vector<Column> columns;
};

Status unfit(std::string message) {
  return {StatusCode::kFailedPrecondition, std::move(message), "BadTransition"};
}

std::string insert_trigger(const std::string& name) {
  return quote_name("ripcord_sync_" + name + "_insert");
}
std::string update_trigger(const std::string& name) {
  return quote_name("ripcord_sync_" + name + "_update");
}

bool same_name(const std::string& a, const std::string& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

Result<Table> read_table(Connection& connection, const std::string& name) {
  Table table;
  ASSIGN_OR_RETURN(table.name, resolve_table(connection, name));
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.query(
          "SELECT name, dflt_value, pk, hidden, \"notnull\" FROM pragma_table_xinfo(?1)",
          {table.name}));
  for (const auto& row : rows.rows) {
    table.columns.push_back({row[0].value_or(""), row[1].value_or(""),
                             std::atoi(row[2].value_or("0").c_str()),
                             row[3] == "2" || row[3] == "3", row[4] == "1"});
  }
  return table;
}

Result<Column> find_column(const Table& table, const std::string& name) {
  const auto at = std::find_if(table.columns.begin(), table.columns.end(),
                               [&](const Column& column) { return same_name(column.name, name); });
  if (at == table.columns.end()) {
    return as_return(unfit(fmt::format("sync: table {} has no column {}", table.name, name)));
  }
  if (at->generated) {
    return as_return(
        unfit(fmt::format("sync: column {}.{} is generated, so that it cannot be written; sync "
                          "what it is made of",
                          table.name, name)));
  }
  return *at;
}

// "rowid = NEW.rowid", or the primary key of a table without one.
std::string this_row(Connection& connection, const Table& table) {
  for (const char* id : kRowIds) {
    const bool taken = std::any_of(table.columns.begin(), table.columns.end(),
                                   [&](const Column& c) { return same_name(c.name, id); });
    if (!taken &&
        connection.query(fmt::format("SELECT {} FROM {} LIMIT 0", id, quote_name(table.name)))) {
      return fmt::format("{0} = NEW.{0}", id);
    }
  }
  std::string text;
  for (const Column& column : table.columns) {
    if (column.key > 0) {
      text +=
          fmt::format("{0}{1} IS NEW.{1}", text.empty() ? "" : " AND ", quote_name(column.name));
    }
  }
  return text;
}

Status try_expression(Connection& connection, const Table& table, const char* field,
                      const std::string& expression) {
  if (expression.empty()) {
    return {};
  }
  const Status tried = one_statement(
      connection, fmt::format("SELECT ({}\n) FROM {} LIMIT 0", expression, quote_name(table.name)));
  return tried.ok() ? tried : tried.annotated(fmt::format("sync.{}", field));
}

}  // namespace

Status one_statement(Connection& connection, const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  const char* tail = nullptr;
  const int code = sqlite3_prepare_v2(connection.handle(), sql.c_str(), -1, &statement, &tail);
  sqlite3_finalize(statement);
  if (code != SQLITE_OK) {
    return connection.failure(code);
  }
  const std::string rest = tail;
  return rest.find_first_not_of(" \t\r\n;") == std::string::npos
             ? ok_status()
             : unfit(fmt::format("one statement was expected, and another follows: {}", rest));
}

std::string quote_name(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    quoted += c;
    if (c == '"') {
      quoted += c;
    }
  }
  return quoted + "\"";
}

Result<std::string> resolve_table(Connection& connection, const std::string& table) {
  ASSIGN_OR_RETURN(const Rows rows,
                   connection.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name "
                                    "= ?1 COLLATE NOCASE",
                                    {table}));
  if (rows.rows.empty()) {
    return as_return(unfit(fmt::format("there is no table {}", table)));
  }
  return rows.rows[0][0].value_or("");
}

Result<SyncTriggers> wanted_sync(Connection& connection, const Transition& transition) {
  const TransitionSync& sync = *transition.sync;
  ASSIGN_OR_RETURN(const Table table, read_table(connection, sync.table));
  ASSIGN_OR_RETURN(const Column old_column, find_column(table, sync.old_column));
  ASSIGN_OR_RETURN(const Column new_column, find_column(table, sync.new_column));
  RETURN_IF_ERROR(try_expression(connection, table, "toNew", sync.to_new));
  RETURN_IF_ERROR(try_expression(connection, table, "toOld", sync.to_old));
  const std::string old_name = quote_name(old_column.name);
  const std::string new_name = quote_name(new_column.name);
  // Only a constant can be told from a value that somebody has given.
  std::string is_default = "0";
  if (!new_column.default_text.empty() && new_column.default_text.find('(') == std::string::npos) {
    is_default = fmt::format("NEW.{} IS ({})", new_name, new_column.default_text);
  }
  const std::string update = fmt::format("UPDATE {} SET", quote_name(table.name));
  const std::string row = this_row(connection, table);
  const auto arg = [](const std::string& expression, const std::string& other) {
    return expression.empty() ? other : "(" + expression + "\n)";
  };
  const std::string to_new = arg(sync.to_new, old_name);
  const std::string to_old = arg(sync.to_old, new_name);
  SyncTriggers triggers;
  triggers.on_insert = fmt::format(
      "CREATE TRIGGER {trigger} AFTER INSERT ON {table} BEGIN "
      "{update} {new} = {to_new} WHERE {row} AND (NEW.{new} IS NULL OR ({is_default} AND NEW.{old} "
      "IS NOT NULL)); "
      "{update} {old} = {to_old} WHERE {row} AND NEW.{new} IS NOT NULL AND NOT ({is_default} AND "
      "NEW.{old} IS NOT NULL) AND {new} IS NOT {to_new}; "
      "END",
      fmt::arg("trigger", insert_trigger(transition.name)),
      fmt::arg("table", quote_name(table.name)), fmt::arg("update", update),
      fmt::arg("new", new_name), fmt::arg("old", old_name), fmt::arg("to_new", to_new),
      fmt::arg("to_old", to_old), fmt::arg("row", row), fmt::arg("is_default", is_default));
  // A row whose old side is what toOld gives was settled by this trigger, called by itself.
  triggers.on_update = fmt::format(
      "CREATE TRIGGER {trigger} AFTER UPDATE OF {old}, {new} ON {table} WHEN NEW.{new} IS NOT "
      "OLD.{new} OR NEW.{old} IS NOT OLD.{old} BEGIN "
      "{update} {old} = {to_old} WHERE {row} AND NEW.{new} IS NOT OLD.{new} AND {new} IS NOT "
      "{to_new}; "
      "{update} {new} = {to_new} WHERE {row} AND NEW.{new} IS OLD.{new} AND {new} IS NOT {to_new} "
      "AND {old} IS NOT {to_old}; "
      "END",
      fmt::arg("trigger", update_trigger(transition.name)),
      fmt::arg("table", quote_name(table.name)), fmt::arg("update", update),
      fmt::arg("new", new_name), fmt::arg("old", old_name), fmt::arg("to_new", to_new),
      fmt::arg("to_old", to_old), fmt::arg("row", row));
  return triggers;
}

Status settle_by_new(Connection& connection, const TransitionSync& sync, bool finished) {
  ASSIGN_OR_RETURN(const Table table, read_table(connection, sync.table));
  ASSIGN_OR_RETURN(const Column old_column, find_column(table, sync.old_column));
  ASSIGN_OR_RETURN(const Column new_column, find_column(table, sync.new_column));
  const std::string old_name = quote_name(old_column.name);
  const std::string new_name = quote_name(new_column.name);
  const auto given = [](const std::string& expression, const std::string& other) {
    return expression.empty() ? other : "(" + expression + "\n)";
  };
  return connection.execute(
      fmt::format("UPDATE {0} SET {1} = {2} WHERE {5}{4} IS NOT {3}", quote_name(table.name),
                  old_name, given(sync.to_old, new_name), new_name, given(sync.to_new, old_name),
                  finished && !old_column.not_null ? "" : new_name + " IS NOT NULL AND "));
}

Result<SyncTriggers> read_sync(Connection& connection, const std::string& name) {
  SyncTriggers found;
  for (const auto& [suffix, text] :
       {std::pair{"_insert", &found.on_insert}, std::pair{"_update", &found.on_update}}) {
    ASSIGN_OR_RETURN(
        const Rows rows,
        connection.query("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = ?1",
                         {"ripcord_sync_" + name + suffix}));
    if (!rows.rows.empty()) {
      *text = rows.rows[0][0].value_or("");
    }
  }
  return found;
}

std::string drop_update_trigger_sql(const std::string& name) {
  return fmt::format("DROP TRIGGER IF EXISTS {};", update_trigger(name));
}

std::string drop_sync_sql(const std::string& name) {
  return fmt::format("DROP TRIGGER IF EXISTS {};", insert_trigger(name)) +
         drop_update_trigger_sql(name);
}

}  // namespace ripcord::sqlite
