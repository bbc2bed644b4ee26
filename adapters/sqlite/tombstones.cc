// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/tombstones.h"

#include "controller/base/sha256.h"
#include "controller/base/time_text.h"
#include "controller/codec/sql_lexer.h"
#include "controller/codec/undo_plan.h"
#include "controller/model/tombstone_name.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::sqlite {
namespace {

constexpr int kMostNames = 20;

constexpr std::string_view kCreate =
    "CREATE TABLE IF NOT EXISTS ripcord_tombstones (version integer NOT NULL, number integer NOT "
    "NULL, relation text NOT NULL, column_name text, name text NOT NULL, undo_digest text NOT "
    "NULL, "
    "own_down text, own_digest text NOT NULL, own_plan text, made_at text NOT NULL DEFAULT "
    "(strftime('%Y-%m-%dT%H:%M:%fZ', 'now')), PRIMARY KEY (relation, name))";

// Of a row t: the table may have been put aside itself since, by a later version.
constexpr std::string_view kWhere =
    "coalesce((SELECT m.name FROM sqlite_master m WHERE m.type = 'table' AND m.name = t.relation), "
    "(SELECT u.name FROM ripcord_tombstones u WHERE u.relation = t.relation AND u.column_name IS "
    "NULL))";

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

bool same_name(const std::string& a, const std::string& b) {
  return sqlite3_stricmp(a.c_str(), b.c_str()) == 0;
}

bool is_column(const DataLoss& loss) {
  return loss.what == DataLoss::What::kColumn;
}

Status ok_of(const Result<Rows>& rows) {
  return rows ? ok_status() : rows.error();
}

// As the schema spells it; empty when there is no such table.
Result<std::string> table_name(Connection& connection, const std::string& name) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name = "
                       "?1 COLLATE NOCASE",
                       {name}));
  return rows.rows.empty() ? std::string() : rows.rows[0][0].value_or("");
}

std::vector<codec::SqlToken> tokens_of(const Value& sql) {
  auto tokens = codec::tokenize_sql(codec::SqlDialect::kSqlite, sql ? *sql : std::string());
  return tokens ? std::move(*tokens) : std::vector<codec::SqlToken>{};
}

bool names(const std::vector<codec::SqlToken>& tokens, const std::string& name) {
  return std::any_of(tokens.begin(), tokens.end(),
                     [&](const codec::SqlToken& token) { return same_name(token.text, name); });
}

// A CHECK of the table that speaks of the column.
bool is_checked(const std::vector<codec::SqlToken>& tokens, const std::string& column) {
  for (std::size_t at = 0; at < tokens.size(); ++at) {
    if (!tokens[at].word("CHECK")) {
      continue;
    }
    int depth = 0;
    for (std::size_t in = at + 1; in < tokens.size(); ++in) {
      depth += tokens[in].symbol('(') ? 1 : tokens[in].symbol(')') ? -1 : 0;
      if (same_name(tokens[in].text, column)) {
        return true;
      }
      if (depth == 0) {
        break;
      }
    }
  }
  return false;
}

Result<std::string> obstacle_of_table(Connection& connection, const std::string& table) {
  ASSIGN_OR_RETURN(const Rows objects,
                   connection.query("SELECT name, tbl_name, sql FROM sqlite_master"));
  for (const auto& row : objects.rows) {
    const bool own = same_name(row[1].value_or(""), table);
    const auto tokens = tokens_of(row[2]);
    if (own && tokens.size() > 1 && tokens[1].word("VIRTUAL")) {
      return table + " is a virtual table";
    }
    if (!own && names(tokens, table)) {
      return fmt::format("{} names {}, and SQLite would rename it there too", row[0].value_or(""),
                         table);
    }
  }
  ASSIGN_OR_RETURN(const Rows keys,
                   connection.query("SELECT \"table\" FROM pragma_foreign_key_list(?1)", {table}));
  return keys.rows.empty() ? std::string()
                           : fmt::format("a foreign key of {} would go on holding rows of {}",
                                         table, keys.rows[0][0].value_or(""));
}

Result<std::string> obstacle_of_column(Connection& connection, const std::string& table,
                                       const std::string& column) {
  const std::string name = table + "." + column;
  ASSIGN_OR_RETURN(
      const Rows shape,
      connection.query("SELECT \"notnull\" AND dflt_value IS NULL, hidden > 1, pk > 0 FROM "
                       "pragma_table_xinfo(?1) WHERE name = ?2 COLLATE NOCASE",
                       {table, column}));
  if (shape.rows.empty()) {
    return std::string();
  }
  const auto& row = shape.rows[0];
  if (row[0] == "1" || row[2] == "1") {
    return name + " is NOT NULL without a default, or a key: SQLite cannot lift that";
  }
  if (row[1] == "1") {
    return name + " is a generated column";
  }
  ASSIGN_OR_RETURN(const Rows keys,
                   connection.query("SELECT 1 FROM pragma_foreign_key_list(?1) WHERE \"from\" = ?2 "
                                    "COLLATE NOCASE",
                                    {table, column}));
  ASSIGN_OR_RETURN(const Rows sql, connection.query("SELECT sql FROM sqlite_master WHERE type = "
                                                    "'table' AND name = ?1",
                                                    {table}));
  const bool held =
      !keys.rows.empty() || (!sql.rows.empty() && is_checked(tokens_of(sql.rows[0][0]), column));
  return held ? name + " is in a CHECK constraint or a foreign key, which would go on holding"
              : std::string();
}

Result<std::string> obstacle(Connection& connection, const DataLoss& loss) {
  ASSIGN_OR_RETURN(const std::string table, table_name(connection, loss.relation));
  if (table.empty()) {
    return std::string();
  }
  return is_column(loss) ? obstacle_of_column(connection, table, loss.column)
                         : obstacle_of_table(connection, table);
}

Result<bool> has_tombstones(Connection& connection) {
  ASSIGN_OR_RETURN(const std::string name, table_name(connection, "ripcord_tombstones"));
  return !name.empty();
}

}  // namespace

Result<std::string> find_obstacle(Connection& connection, const std::vector<DataLoss>& drops) {
  for (const DataLoss& loss : drops) {
    ASSIGN_OR_RETURN(std::string found, obstacle(connection, loss));
    if (!found.empty()) {
      return found;
    }
  }
  return std::string();
}

Status read_tombstones(Connection& connection, SchemaState& state) {
  ASSIGN_OR_RETURN(const bool any, has_tombstones(connection));
  if (!any) {
    return {};
  }
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.query(fmt::format(
          "SELECT t.version, t.relation, t.column_name, t.name, t.made_at, EXISTS (SELECT 1 FROM "
          "ripcord_applied d WHERE d.version = t.version AND d.down_digest = t.undo_digest), CASE "
          "WHEN t.column_name IS NULL THEN EXISTS (SELECT 1 FROM sqlite_master m WHERE m.type = "
          "'table' AND m.name = t.name) ELSE {0} IS NULL OR EXISTS (SELECT 1 FROM "
          "pragma_table_xinfo({0}) x WHERE x.name = t.name) END FROM ripcord_tombstones t ORDER BY "
          "t.version, t.number",
          kWhere)));
  for (const auto& row : rows.rows) {
    KeptTombstone tombstone;
    tombstone.version = std::strtoll(row[0].value_or("0").c_str(), nullptr, 10);
    const std::string table = row[1].value_or("");
    tombstone.what = row[2] ? fmt::format("column {}.{}", table, *row[2]) : "table " + table;
    tombstone.name =
        row[2] ? fmt::format("{}.{}", table, row[3].value_or("")) : row[3].value_or("");
    ASSIGN_OR_RETURN(tombstone.made_at, parse_time(row[4].value_or("")));
    tombstone.undoable = row[5] == "1";
    tombstone.gone = row[6] != "1";
    state.tombstones.push_back(std::move(tombstone));
  }
  return {};
}

Status Burial::rename_all(const SqlStatement& statement) {
  for (const DataLoss& loss : statement.effects.loses) {
    trace_point(trace_, "before putting aside");
    if (Status renamed = rename(loss); !renamed.ok()) {
      return renamed.annotated(fmt::format("up of {} {}: putting {} aside", step_.migration.version,
                                           step_.migration.name, to_string(loss)));
    }
    trace_point(trace_, "after putting aside");
  }
  return {};
}

Status Burial::rename(const DataLoss& loss) {
  ASSIGN_OR_RETURN(const std::string found, obstacle(connection_, loss));
  if (!found.empty()) {
    return {StatusCode::kUnavailable,
            fmt::format("not possible any more: {}; looked at anew", found), "CannotPutAside"};
  }
  Grave grave;
  ASSIGN_OR_RETURN(grave.relation, table_name(connection_, loss.relation));
  if (grave.relation.empty()) {
    return {};  // DROP TABLE IF EXISTS
  }
  grave.column = is_column(loss) ? loss.column : "";
  ASSIGN_OR_RETURN(grave.name, free_name(grave));
  const std::string table = quote_name(grave.relation);
  RETURN_IF_ERROR(connection_.execute(
      grave.column.empty()
          ? fmt::format("ALTER TABLE {} RENAME TO {}", table, quote_name(grave.name))
          : fmt::format("ALTER TABLE {} RENAME COLUMN {} TO {}", table, quote_name(grave.column),
                        quote_name(grave.name))));
  graves_.push_back(std::move(grave));
  return {};
}

Result<std::string> Burial::free_name(const Grave& grave) const {
  const bool table = grave.column.empty();
  for (int attempt = 1; attempt <= kMostNames; ++attempt) {
    std::string name =
        tombstone_name(step_.migration.version, table ? grave.relation : grave.column, attempt);
    ASSIGN_OR_RETURN(const Rows taken,
                     table
                         ? connection_.query("SELECT 1 FROM sqlite_master WHERE name = ?1 COLLATE "
                                             "NOCASE",
                                             {name})
                         : connection_.query("SELECT 1 FROM pragma_table_xinfo(?1) WHERE name = "
                                             "?2 COLLATE NOCASE",
                                             {grave.relation, name}));
    if (taken.rows.empty()) {
      return name;
    }
  }
  return error(StatusCode::kFailedPrecondition,
               fmt::format("{} names like {} are taken; drop what earlier ways left behind",
                           kMostNames, tombstone_name(step_.migration.version, grave.relation)),
               "NoTombstoneName");
}

MigrationStep Burial::recorded() const {
  MigrationStep step = step_;
  std::string script =
      fmt::format("-- ripcord: renames back what version {} put aside\n", step_.migration.version);
  step.undo.clear();
  std::int32_t line = 1;
  for (auto grave = graves_.rbegin(); grave != graves_.rend(); ++grave) {
    SqlStatement undo;
    undo.line = ++line;
    undo.effect = DataEffect::kLossless;
    undo.text =
        grave->column.empty()
            ? fmt::format("ALTER TABLE {} RENAME TO {}", quote_name(grave->name),
                          quote_name(grave->relation))
            : fmt::format("ALTER TABLE {} RENAME COLUMN {} TO {}", quote_name(grave->relation),
                          quote_name(grave->name), quote_name(grave->column));
    script += undo.text + ";\n";
    step.undo.push_back(std::move(undo));
  }
  step.migration.down = std::move(script);
  return step;
}

Status Burial::record() const {
  RETURN_IF_ERROR(connection_.execute(std::string(kCreate)));
  const Migration& author = step_.migration;
  const std::string digest = sha256_hex(*recorded().migration.down);
  int count = 0;
  for (const Grave& grave : graves_) {
    RETURN_IF_ERROR(ok_of(connection_.query(
        "INSERT OR REPLACE INTO ripcord_tombstones (version, number, relation, column_name, name, "
        "undo_digest, own_down, own_digest, own_plan) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        {std::to_string(author.version), std::to_string(++count), grave.relation,
         grave.column.empty() ? Value() : Value(grave.column), grave.name, digest, author.down,
         author.down ? sha256_hex(*author.down) : "",
         author.down ? Value(codec::undo_plan_json(step_.undo)) : Value()})));
  }
  return {};
}

Status forget_tombstones(Connection& connection, const MigrationStep& step) {
  ASSIGN_OR_RETURN(const bool any, has_tombstones(connection));
  if (!any || !step.migration.down) {
    return {};
  }
  return ok_of(
      connection.query("DELETE FROM ripcord_tombstones WHERE version = ?1 AND undo_digest = ?2",
                       {std::to_string(step.migration.version), sha256_hex(*step.migration.down)}));
}

Status drop_tombstones(Connection& connection, std::int64_t version, const Trace& trace) {
  ASSIGN_OR_RETURN(const bool any, has_tombstones(connection));
  if (!any) {
    return {};
  }
  const std::vector<Value> which{std::to_string(version)};
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.query(
          fmt::format("SELECT {0}, t.name, t.column_name IS NULL, EXISTS (SELECT 1 FROM "
                      "pragma_table_xinfo({0}) x WHERE x.name = t.name) FROM ripcord_tombstones t "
                      "WHERE t.version = ?1 ORDER BY t.number",
                      kWhere),
          which));
  for (const auto& row : rows.rows) {
    const std::string name = quote_name(row[1].value_or(""));
    if (row[2] == "1") {
      RETURN_IF_ERROR(connection.execute("DROP TABLE IF EXISTS " + name));
    } else if (row[3] == "1") {
      RETURN_IF_ERROR(connection.execute(
          fmt::format("ALTER TABLE {} DROP COLUMN {}", quote_name(row[0].value_or("")), name)));
    }
    trace_point(trace, "after dropping a tombstone");
  }
  RETURN_IF_ERROR(ok_of(connection.query(
      "UPDATE ripcord_applied SET down = t.own_down, down_digest = t.own_digest, plan = t.own_plan "
      "FROM (SELECT * FROM ripcord_tombstones WHERE version = ?1) t WHERE ripcord_applied.version "
      "= "
      "t.version AND ripcord_applied.down_digest = t.undo_digest",
      which)));
  return ok_of(connection.query("DELETE FROM ripcord_tombstones WHERE version = ?1", which));
}

}  // namespace ripcord::sqlite
