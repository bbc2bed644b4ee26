// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/judge.h"
#include "adapters/pgquery/names.h"

#include <set>

#include <fmt/format.h>

namespace ripcord::pgquery {
namespace {

bool temporary(Node relation) {
  return relation.is("relpersistence", "t");
}

// Types that are outgrown, padded or without a zone. Notes only.
void check_type(Ledger& ledger, const std::string& relation, Node column) {
  static const std::set<std::string_view> kPoor = {"bpchar", "money",   "timestamp",   "timetz",
                                                   "serial", "serial4", "smallserial", "json"};
  const std::string type = type_name(column["typeName"]);
  if (kPoor.contains(type)) {
    ledger.find("prefer-type", ledger.at(column),
                {fmt::format("{}.{} {}", relation, column["colname"].text(), type), {}, {}});
  }
}

void check_foreign_key(Ledger& ledger, Node constraint) {
  if (const Node other = constraint["pktable"]) {
    ledger.lock(LockMode::kShareRowExclusive, relation_name(other));
  }
}

void check_elements(Ledger& ledger, const std::string& relation, Node elements) {
  for (Node element = elements.first(); element; element = element.next()) {
    if (const Node column = element["ColumnDef"]) {
      check_type(ledger, relation, column);
      const Node constraints = column["constraints"];
      for (Node each = constraints.first(); each; each = each.next()) {
        check_foreign_key(ledger, each["Constraint"]);
      }
    } else if (const Node constraint = element["Constraint"]) {
      check_foreign_key(ledger, constraint);
    }
  }
}

// PARTITION OF locks the parent and scans its default partition; INHERITS only holds it still.
void check_parents(Ledger& ledger, Node node) {
  const bool partition = static_cast<bool>(node["partbound"]);
  const Node parents = node["inhRelations"];
  for (Node parent = parents.first(); parent; parent = parent.next()) {
    ledger.lock(partition ? LockMode::kAccessExclusive : LockMode::kShareUpdateExclusive,
                relation_name(parent["RangeVar"]));
  }
}

void make_relation(Ledger& ledger, const std::string& name, bool certain, bool temp) {
  const std::string key = relation_key(name);
  ledger.make(key, certain);
  if (temp) {
    ledger.made[key] = true;  // it hides whatever else has the name
  }
}

}  // namespace

void judge_create_table(Ledger& ledger, Node node) {
  const Node relation = node["relation"];
  const std::string name = relation_name(relation);
  ledger.adds();
  if (ledger.marks.contains("dropped:" + name)) {
    ledger.find("replace-table", ledger.at(relation),
                {fmt::format("CREATE TABLE {} after DROP TABLE of the same name", name), {}, {}});
  }
  if (relation.is("relpersistence", "u")) {
    ledger.find("unlogged-table", ledger.at(relation),
                {fmt::format("CREATE UNLOGGED TABLE {}", name), {}, {}});
  }
  make_relation(ledger, name, !node.flag("if_not_exists"), temporary(relation));
  check_elements(ledger, name, node["tableElts"]);
  check_parents(ledger, node);
}

void judge_create_table_as(Ledger& ledger, Node node) {
  const Node relation = node["into"]["rel"];
  ledger.adds();
  const std::string name = relation_name(relation);
  make_relation(ledger, name, !node.flag("if_not_exists"), temporary(relation));
  if (node.is("objtype", "OBJECT_MATVIEW")) {
    ledger.make_anew(key_of("view", name));
  }
  judge_query(ledger, node["query"].unwrapped());
}

void judge_create_index(Ledger& ledger, Node node) {
  const std::string table = relation_name(node["relation"]);
  const std::string index = node["idxname"].text();
  const bool concurrent = node.flag("concurrent");
  const bool fresh = ledger.fresh_relation(table);
  ledger.adds();
  ledger.current().needs_no_transaction = concurrent;
  ledger.lock(concurrent ? LockMode::kShareUpdateExclusive : LockMode::kShare, table,
              TableWork::kScan);
  if (!index.empty()) {
    ledger.make(relation_key(index), !node.flag("if_not_exists"));
  }
  if (fresh) {
    return;
  }
  if (node.flag("unique")) {
    ledger.breaks("writes that repeat a value are refused");
  }
  if (!concurrent) {
    ledger.find("create-index", ledger.here(),
                {fmt::format("CREATE INDEX {} ON {}", index, table), {}, {}});
  }
}

void judge_create_view(Ledger& ledger, Node node) {
  const std::string name = relation_name(node["view"]);
  ledger.adds();
  ledger.make(relation_key(name), !node.flag("replace"));
  ledger.make_anew(key_of("view", name));
  ledger.withdraw("renamed:" + name);
}

void judge_create_trigger(Ledger& ledger, Node node) {
  const std::string table = relation_name(node["relation"]);
  ledger.adds();
  ledger.lock(LockMode::kShareRowExclusive, table);
  ledger.make_anew(member_key("trigger", table, node["trigname"].text()));
}

void judge_create_policy(Ledger& ledger, Node node) {
  const std::string table = relation_name(node["table"]);
  ledger.adds();
  ledger.lock(LockMode::kAccessExclusive, table);
  ledger.make_anew(member_key("policy", table, node["policy_name"].text()));
}

void judge_create_domain(Ledger& ledger, Node node) {
  const std::string name = joined_name(node["domainname"]);
  ledger.adds();
  ledger.make(key_of("type", name));
  if (node["constraints"]) {
    ledger.find("domain-constraint", ledger.here(),
                {fmt::format("CREATE DOMAIN {} with a constraint", name), {}, SqlSeverity::kNote});
  }
}

void judge_create_named(Ledger& ledger, Node node) {
  ledger.adds();
  const bool certain = !node.flag("if_not_exists");
  if (node.key() == "CreateSchemaStmt") {
    ledger.make(key_of("schema", node["schemaname"].text()), certain);
    const Node elements = node["schemaElts"];
    for (Node each = elements.first(); each; each = each.next()) {
      judge_statement(ledger, each.unwrapped());
    }
  } else if (node.key() == "CreateSeqStmt") {
    make_relation(ledger, relation_name(node["sequence"]), certain, temporary(node["sequence"]));
  } else if (node.key() == "CompositeTypeStmt") {
    ledger.make(key_of("type", relation_name(node["typevar"])));
  } else {
    ledger.make(key_of("type", joined_name(node["typeName"])));
  }
}

}  // namespace ripcord::pgquery
