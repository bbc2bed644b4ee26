// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/judge.h"
#include "adapters/pgquery/names.h"
#include "controller/codec/row_filter.h"

#include <set>

#include <fmt/format.h>

namespace ripcord::pgquery {
namespace {

// Rows written after a DDL statement keep its lock until the last of them.
void check_backfill(Ledger& ledger, Node relation, const std::string& subject) {
  if (const auto locked = ledger.locked_relation()) {
    ledger.find("backfill-with-ddl", ledger.at(relation),
                {fmt::format("{}, with {} locked", subject, *locked), {}, {}});
  }
}

std::string column_of(Node column_ref) {
  return last_name(column_ref["fields"]);
}

void collect_null_test(Node node, std::set<std::string>& columns) {
  const Node test = node["NullTest"];
  if (test && test.is("nulltesttype", "IS_NULL")) {
    columns.insert(column_of(test["arg"]["ColumnRef"]));
  }
}

// Columns that WHERE demands to be NULL: `a IS NULL`, alone or one of ANDs.
std::set<std::string> null_columns(Node where) {
  std::set<std::string> columns;
  collect_null_test(where, columns);
  const Node all = where["BoolExpr"];
  if (all && all.is("boolop", "AND_EXPR")) {
    const Node arguments = all["args"];
    for (Node each = arguments.first(); each; each = each.next()) {
      collect_null_test(each, columns);
    }
  }
  return columns;
}

// Values, columns and operators on them: the same for a row each time it is asked.
bool tells_rows(Node where) {
  static const std::set<std::string_view> kPlain = {
      "A_ArrayExpr", "A_Const", "A_Expr",   "BoolExpr", "BooleanTest", "ColumnRef",
      "Integer",     "List",    "NullTest", "String",   "TypeCast",    "TypeName"};
  bool plain = true;
  where.each_below([&](Node node) {
    const std::string_view key = node.key();
    const bool is_node = !key.empty() && key.front() >= 'A' && key.front() <= 'Z';
    plain = plain && (!is_node || kPlain.contains(key));
  });
  return plain;
}

// Of the first statement of a script: nothing before it changes which rows these are.
std::optional<std::string> exact_rows(const Ledger& ledger, Node statement) {
  const Node target = statement["relation"];
  const bool plain = target.flag("inh") && !target["alias"] && !statement["withClause"] &&
                     !statement["fromClause"] && !statement["usingClause"];
  if (ledger.judgements.size() > 1 || ledger.conditional || !ledger.place.exact || !plain ||
      statement.parent().key() != "stmt" || !tells_rows(statement["whereClause"])) {
    return std::nullopt;
  }
  const std::string_view text = ledger.place.words();
  const auto tokens = codec::tokenize_sql(codec::SqlDialect::kPostgreSql, text);
  return tokens ? std::optional(codec::row_filter(text, *tokens, 0, "true")) : std::nullopt;
}

// UPDATE's, ON CONFLICT's and MERGE's.
std::vector<std::string> written_columns(Node targets) {
  std::vector<std::string> columns;
  for (Node each = targets.first(); each; each = each.next()) {
    columns.push_back(each["ResTarget"]["name"].text());
  }
  return columns;
}

DataLoss overwritten(const std::string& relation, Node targets) {
  DataLoss loss{DataLoss::What::kRows, relation};
  loss.overwrites = written_columns(targets);
  loss.keeps_rows = true;
  return loss;
}

// Every column that is set is new in this script, or held nothing in the rows that are changed.
bool overwrites_nothing(const Ledger& ledger, const std::string& relation, Node update) {
  std::set<std::string> nulls;
  if (!update["fromClause"]) {
    nulls = null_columns(update["whereClause"]);
  }
  const Node targets = update["targetList"];
  for (Node each = targets.first(); each; each = each.next()) {
    const std::string column = each["ResTarget"]["name"].text();
    if (!nulls.contains(column) &&
        !ledger.certainly_fresh(member_key("column", relation, column))) {
      return false;
    }
  }
  return true;
}

void judge_update(Ledger& ledger, Node node) {
  const Node target = node["relation"];
  const std::string relation = relation_name(target);
  ledger.lock(LockMode::kRowExclusive, relation);
  if (ledger.certainly_fresh(relation_key(relation))) {
    return;
  }
  check_backfill(ledger, target, "UPDATE " + relation);
  if (overwrites_nothing(ledger, relation, node)) {
    return;
  }
  const bool all = !node["whereClause"] && !node["fromClause"];
  DataLoss loss = overwritten(relation, node["targetList"]);
  loss.where = exact_rows(ledger, node);
  ledger.lose(std::move(loss));
  ledger.find("change-rows", ledger.at(target),
              {fmt::format("UPDATE {}{}", relation, all ? " of every row" : ""), {}, {}});
}

void judge_delete(Ledger& ledger, Node node) {
  const Node target = node["relation"];
  const std::string relation = relation_name(target);
  ledger.lock(LockMode::kRowExclusive, relation);
  if (ledger.certainly_fresh(relation_key(relation))) {
    return;
  }
  const bool all = !node["whereClause"] && !node["usingClause"];
  check_backfill(ledger, target, "DELETE FROM " + relation);
  DataLoss loss{DataLoss::What::kRows, relation};
  loss.where = exact_rows(ledger, node);
  ledger.lose(std::move(loss));
  ledger.find("change-rows", ledger.at(target),
              {fmt::format("DELETE FROM {}{}", relation, all ? " of every row" : ""), {}, {}});
}

void judge_insert(Ledger& ledger, Node node) {
  const Node target = node["relation"];
  const std::string relation = relation_name(target);
  ledger.lock(LockMode::kRowExclusive, relation);
  if (has_from(node["selectStmt"]["SelectStmt"]) && !ledger.fresh_relation(relation)) {
    check_backfill(ledger, target, "INSERT INTO " + relation);
  }
  if (node["onConflictClause"].is("action", "ONCONFLICT_UPDATE") &&
      !ledger.certainly_fresh(relation_key(relation))) {
    ledger.lose(overwritten(relation, node["onConflictClause"]["targetList"]));
    ledger.find("change-rows", ledger.at(target),
                {fmt::format("INSERT INTO {} ON CONFLICT DO UPDATE", relation), {}, {}});
  }
}

void judge_merge(Ledger& ledger, Node node) {
  const Node target = node["relation"];
  const std::string relation = relation_name(target);
  std::vector<DataLoss> losses;
  const Node clauses = node["mergeWhenClauses"];
  for (Node each = clauses.first(); each; each = each.next()) {
    const Node clause = each["MergeWhenClause"];
    if (clause.is("commandType", "CMD_UPDATE")) {
      losses.push_back(overwritten(relation, clause["targetList"]));
    } else if (clause.is("commandType", "CMD_DELETE")) {
      losses.push_back({DataLoss::What::kRows, relation});
    }
  }
  ledger.lock(LockMode::kRowExclusive, relation);
  if (!ledger.certainly_fresh(relation_key(relation))) {
    check_backfill(ledger, target, "MERGE INTO " + relation);
    if (!losses.empty()) {
      for (DataLoss& loss : losses) {
        ledger.lose(std::move(loss));
      }
      ledger.find("change-rows", ledger.at(target), {"MERGE INTO " + relation, {}, {}});
    }
  }
}

// SELECT ... INTO makes a table.
void judge_select_into(Ledger& ledger, Node node) {
  if (const Node relation = node["intoClause"]["rel"]) {
    ledger.adds();
    ledger.make(relation_key(relation_name(relation)));
  }
}

void judge_node(Ledger& ledger, Node node) {
  const std::string_view name = node.key();
  if (name == "UpdateStmt") {
    judge_update(ledger, node);
  } else if (name == "DeleteStmt") {
    judge_delete(ledger, node);
  } else if (name == "InsertStmt") {
    judge_insert(ledger, node);
  } else if (name == "MergeStmt") {
    judge_merge(ledger, node);
  } else if (name == "SelectStmt") {
    judge_select_into(ledger, node);
  } else if (name == "FuncCall") {
    judge_function_call(ledger, routine_name(node["funcname"]), ledger.at(node), false);
  }
}

}  // namespace

bool has_from(Node select) {
  return static_cast<bool>(select["fromClause"]);
}

void judge_query(Ledger& ledger, Node node) {
  if (node.key() == "InsertStmt") {
    ledger.adds();
  }
  judge_node(ledger, node);
  node.each_below([&](Node below) { judge_node(ledger, below); });
}

}  // namespace ripcord::pgquery
