// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/judge.h"
#include "adapters/pgquery/names.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord::pgquery {

bool has_option(Node options, std::string_view name) {
  for (Node each = options.first(); each; each = each.next()) {
    if (each["DefElem"].is("defname", name)) {
      return true;
    }
  }
  return false;
}

void judge_reindex(Ledger& ledger, Node node) {
  const std::string_view kind = node["kind"].raw();
  const bool concurrent = has_option(node["params"], "concurrently");
  const bool many = kind != "REINDEX_OBJECT_TABLE" && kind != "REINDEX_OBJECT_INDEX";
  const std::string name = many ? node["name"].text()
                                : (kind == "REINDEX_OBJECT_INDEX" ? "the table of index " : "") +
                                      relation_name(node["relation"]);
  ledger.current().needs_no_transaction = concurrent || many;
  ledger.lock(concurrent ? LockMode::kShareUpdateExclusive : LockMode::kAccessExclusive, name,
              TableWork::kScan);
  if (!concurrent && !ledger.fresh_relation(name)) {
    ledger.find("rewrite-table", ledger.here(), {"REINDEX of " + name, {}, {}});
  }
}

void judge_vacuum(Ledger& ledger, Node node) {
  if (!node.flag("is_vacuumcmd")) {
    return;  // ANALYZE
  }
  ledger.current().needs_no_transaction = true;
  const bool full = has_option(node["options"], "full");
  const Node relations = node["rels"];
  std::string names;
  for (Node each = relations.first(); each; each = each.next()) {
    const std::string name = relation_name(each["VacuumRelation"]["relation"]);
    ledger.lock(full ? LockMode::kAccessExclusive : LockMode::kShareUpdateExclusive, name,
                full ? TableWork::kRewrite : TableWork::kScan);
    names += (names.empty() ? "" : ", ") + name;
  }
  if (full) {
    ledger.find("rewrite-table", ledger.here(),
                {"VACUUM FULL of " + (names.empty() ? "every table" : names), {}, {}});
  }
}

void judge_cluster(Ledger& ledger, Node node) {
  const Node relation = node["relation"];
  const std::string name = relation ? relation_name(relation) : "every clustered table";
  ledger.current().needs_no_transaction = !relation;
  ledger.lock(LockMode::kAccessExclusive, name, TableWork::kRewrite);
  if (!ledger.fresh_relation(name)) {
    ledger.find("rewrite-table", ledger.here(), {"CLUSTER of " + name, {}, {}});
  }
}

void judge_refresh(Ledger& ledger, Node node) {
  const std::string name = relation_name(node["relation"]);
  const bool concurrent = node.flag("concurrent");
  ledger.lock(concurrent ? LockMode::kExclusive : LockMode::kAccessExclusive, name,
              concurrent ? TableWork::kNone : TableWork::kRewrite);
  if (!concurrent && !node.flag("skipData") && !ledger.fresh_relation(name)) {
    ledger.find("rewrite-table", ledger.here(), {"REFRESH MATERIALIZED VIEW " + name, {}, {}});
  }
}

void judge_lock(Ledger& ledger, Node node) {
  const auto mode = std::clamp<std::int64_t>(node["mode"].number(8), 1, 8);
  const Node relations = node["relations"];
  for (Node each = relations.first(); each; each = each.next()) {
    ledger.lock(static_cast<LockMode>(mode - 1), relation_name(each["RangeVar"]));
  }
}

}  // namespace ripcord::pgquery
