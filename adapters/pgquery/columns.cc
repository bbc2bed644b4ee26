// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/calls.h"
#include "adapters/pgquery/judge.h"
#include "adapters/pgquery/names.h"

#include <fmt/format.h>

namespace ripcord::pgquery {
namespace {

struct NewColumn {
  std::string name;
  std::string type;
  bool not_null = false;
  bool filled = false;  // by a default, an identity or an expression
  bool primary = false;
  std::string rewrite;  // why every row is written
};

bool calls_volatile(Node expression) {
  bool found = false;
  const auto look = [&](Node node) {
    if (node.key() == "FuncCall") {
      found = found || volatile_function(last_name(node["funcname"]));
    }
  };
  expression.each_below(look);
  return found;
}

void read_constraint(Node constraint, NewColumn& column) {
  const std::string_view type = constraint["contype"].raw();
  if (type == "CONSTR_NOTNULL") {
    column.not_null = true;
  } else if (type == "CONSTR_DEFAULT") {
    const Node value = constraint["raw_expr"];
    const bool null = value["A_Const"].flag("isnull");
    column.filled = !null;
    if (calls_volatile(value)) {
      column.rewrite = "whose default differs for every row";
    }
  } else if (type == "CONSTR_GENERATED") {
    column.filled = true;
    column.rewrite = "GENERATED ... STORED";
  } else if (type == "CONSTR_IDENTITY") {
    column.filled = true;
    column.rewrite = "GENERATED ... AS IDENTITY";
  } else if (type == "CONSTR_PRIMARY") {
    column.primary = true;
  }
}

NewColumn read_column(Node def) {
  NewColumn column;
  column.name = def["colname"].text();
  column.type = type_name(def["typeName"]);
  if (column.type == "serial" || column.type == "bigserial" || column.type == "smallserial" ||
      column.type == "serial4" || column.type == "serial8") {
    column.filled = true;
    column.rewrite = column.type;
  }
  const Node constraints = def["constraints"];
  for (Node each = constraints.first(); each; each = each.next()) {
    read_constraint(each["Constraint"], column);
  }
  return column;
}

void judge_filling(Ledger& ledger, const TableAction& action, const NewColumn& column) {
  const std::string subject = fmt::format("ADD COLUMN {}.{}", action.relation, column.name);
  if (!column.rewrite.empty()) {
    ledger.find("add-column-rewrite", action.offset, {subject + " " + column.rewrite, {}, {}});
  } else if (column.filled) {
    ledger.find("add-column-default", action.offset, {subject, {}, {}});
  }
  if ((column.not_null || column.primary) && !column.filled) {
    ledger.breaks(fmt::format("inserts without {} are refused", column.name));
    ledger.find("add-column-not-null", action.offset,
                {subject + " NOT NULL without a default", {}, {}});
  }
  if (column.type == "json") {
    ledger.find("add-column-json", action.offset, {subject + " json", {}, {}});
  }
}

// text and varchar keep every value's text: nothing is lost, whatever the old type was.
bool widens(Node def, const std::string& type) {
  return (type == "text" || type == "varchar") && !def["raw_default"];
}

}  // namespace

void judge_add_column(Ledger& ledger, const TableAction& action) {
  const Node def = action.node["def"]["ColumnDef"];
  const NewColumn column = read_column(def);
  ledger.lock(LockMode::kAccessExclusive, action.relation,
              column.rewrite.empty() ? TableWork::kNone : TableWork::kRewrite);
  if (!action.fresh) {
    judge_filling(ledger, action, column);
    const Node constraints = def["constraints"];
    for (Node each = constraints.first(); each; each = each.next()) {
      judge_constraint(ledger, action.relation, each["Constraint"], action.offset);
    }
  }
  ledger.make(member_key("column", action.relation, column.name), !action.node.flag("missing_ok"));
}

void judge_drop_column(Ledger& ledger, const TableAction& action) {
  const std::string column = action.column();
  const std::string key = member_key("column", action.relation, column);
  ledger.lock(LockMode::kAccessExclusive, action.relation);
  if (ledger.certainly_fresh(relation_key(action.relation)) || ledger.certainly_fresh(key)) {
    ledger.forget(key);
    return;
  }
  const std::string subject = fmt::format("DROP COLUMN {}.{}", action.relation, column);
  ledger.lose({DataLoss::What::kColumn, action.relation, column});
  ledger.breaks(fmt::format("it reads and writes {}.{}", action.relation, column));
  ledger.find("drop-column", action.offset, {subject, key, {}});
  if (action.node.is("behavior", "DROP_CASCADE")) {
    ledger.lose({DataLoss::What::kOther, "what depends on " + action.relation + "." + column});
    ledger.find("drop-cascade", action.offset, {subject + " CASCADE", {}, {}});
  }
}

void judge_column_type(Ledger& ledger, const TableAction& action) {
  const Node def = action.node["def"]["ColumnDef"];
  const std::string type = type_name(def["typeName"]);
  const std::string subject =
      fmt::format("ALTER COLUMN {}.{} TYPE {}", action.relation, action.column(), type);
  if (ledger.certainly_fresh(relation_key(action.relation))) {
    return;
  }
  const bool keeps = widens(def, type);
  const bool unbounded = keeps && !def["typeName"]["typmods"];
  ledger.lock(LockMode::kAccessExclusive, action.relation,
              unbounded ? TableWork::kNone : TableWork::kRewrite);
  if (unbounded) {
    ledger.find("widen-column-type", action.offset, {subject, {}, {}});
    return;
  }
  if (!keeps) {
    DataLoss loss{DataLoss::What::kColumn, action.relation, action.column()};
    loss.keeps_rows = true;
    ledger.lose(std::move(loss));
    ledger.breaks(fmt::format("{}.{} has another type", action.relation, action.column()));
  }
  const bool harmless =
      ledger.certainly_fresh(member_key("column", action.relation, action.column()));
  ledger.find("change-column-type", action.offset,
              {subject, {}, keeps || harmless ? SqlSeverity::kWarning : SqlSeverity::kError});
}

void judge_set_not_null(Ledger& ledger, const TableAction& action) {
  if (action.fresh) {
    return;
  }
  // A validated CHECK (... IS NOT NULL) spares the scan; which one it is, is not asked.
  const bool checked = ledger.marks.contains("validated:" + action.relation);
  ledger.lock(LockMode::kAccessExclusive, action.relation,
              checked ? TableWork::kNone : TableWork::kScan);
  ledger.breaks(fmt::format("it may write NULL into {}.{}", action.relation, action.column()));
  ledger.marks.insert("not-null:" + action.relation);
  if (!checked) {
    ledger.find("set-not-null", action.offset,
                {fmt::format("SET NOT NULL on {}.{}", action.relation, action.column()), {}, {}});
  }
}

void judge_drop_not_null(Ledger& ledger, const TableAction& action) {
  ledger.lock(LockMode::kAccessExclusive, action.relation);
  if (!action.fresh) {
    ledger.find("drop-not-null", action.offset,
                {fmt::format("DROP NOT NULL on {}.{}", action.relation, action.column()), {}, {}});
  }
}

void judge_column_default(Ledger& ledger, const TableAction& action) {
  ledger.lock(LockMode::kAccessExclusive, action.relation);
  if (action.node["def"] || action.fresh) {
    return;
  }
  ledger.breaks(fmt::format("its inserts may lean on the default of {}.{}", action.relation,
                            action.column()));
  ledger.find("reset-generated-values", action.offset,
              {fmt::format("DROP DEFAULT on {}.{}", action.relation, action.column()), {}, {}});
}

void judge_drop_generated(Ledger& ledger, const TableAction& action) {
  const bool identity = action.node.is("subtype", "AT_DropIdentity");
  ledger.lock(LockMode::kAccessExclusive, action.relation);
  if (action.fresh) {
    return;
  }
  const std::string column = action.relation + "." + action.column();
  if (identity) {
    ledger.lose({DataLoss::What::kSequence, "of " + column});
  }
  ledger.breaks(fmt::format("{} is no longer filled in", column));
  ledger.find("reset-generated-values", action.offset,
              {fmt::format("DROP {} on {}", identity ? "IDENTITY" : "EXPRESSION", column), {}, {}});
}

}  // namespace ripcord::pgquery
