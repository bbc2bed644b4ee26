// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/judge.h"
#include "adapters/pgquery/names.h"

#include <array>
#include <string_view>

#include <fmt/format.h>

namespace ripcord::pgquery {
namespace {

// How an object of DROP is called, under which key the script may have made it, and whether
// something is lost that its definition does not bring back.
struct DropKind {
  std::string_view type;
  std::string_view words;
  std::string_view key;
  std::string_view lost;  // in words; empty: its definition is all there is
};

constexpr auto kKinds = std::to_array<DropKind>({
    {"OBJECT_AGGREGATE", "AGGREGATE", "function", ""},
    {"OBJECT_CAST", "CAST", "cast", ""},
    {"OBJECT_COLLATION", "COLLATION", "collation", ""},
    {"OBJECT_DOMAIN", "DOMAIN", "type", ""},
    {"OBJECT_EVENT_TRIGGER", "EVENT TRIGGER", "event", ""},
    {"OBJECT_EXTENSION", "EXTENSION", "extension", "types and tables of extension"},
    {"OBJECT_FUNCTION", "FUNCTION", "function", ""},
    {"OBJECT_MATVIEW", "MATERIALIZED VIEW", "view", ""},
    {"OBJECT_OPERATOR", "OPERATOR", "operator", ""},
    {"OBJECT_POLICY", "POLICY", "policy", ""},
    {"OBJECT_PROCEDURE", "PROCEDURE", "function", ""},
    {"OBJECT_PUBLICATION", "PUBLICATION", "publication", ""},
    {"OBJECT_ROUTINE", "ROUTINE", "function", ""},
    {"OBJECT_RULE", "RULE", "rule", ""},
    {"OBJECT_SCHEMA", "SCHEMA", "schema", ""},
    {"OBJECT_SEQUENCE", "SEQUENCE", "relation", ""},
    {"OBJECT_STATISTIC_EXT", "STATISTICS", "statistics", ""},
    {"OBJECT_TRIGGER", "TRIGGER", "trigger", ""},
    {"OBJECT_TYPE", "TYPE", "type", ""},
    {"OBJECT_VIEW", "VIEW", "view", ""},
});

const DropKind* kind_of(std::string_view type) {
  for (const DropKind& kind : kKinds) {
    if (kind.type == type) {
      return &kind;
    }
  }
  return nullptr;
}

void cascade(Ledger& ledger, const std::string& subject, const std::string& what) {
  ledger.lose({DataLoss::What::kOther, "what depends on " + what});
  ledger.find("drop-cascade", ledger.here(), {subject + " CASCADE", {}, {}});
}

void drop_table(Ledger& ledger, const std::string& name, bool cascades) {
  const std::string key = relation_key(name);
  if (ledger.certainly_fresh(key)) {
    ledger.forget(key);
    return;
  }
  ledger.lock(LockMode::kAccessExclusive, name);
  ledger.forget(key);
  ledger.marks.insert("dropped:" + name);
  ledger.lose({DataLoss::What::kTable, name});
  ledger.breaks("it reads and writes " + name);
  ledger.find("drop-table", ledger.here(), {"DROP TABLE " + name, key, {}});
  if (cascades) {
    cascade(ledger, "DROP TABLE " + name, "table " + name);
  }
}

void drop_index(Ledger& ledger, const std::string& name, bool concurrent, bool cascades) {
  const std::string key = relation_key(name);
  ledger.current().needs_no_transaction = concurrent;
  if (ledger.certainly_fresh(key)) {
    ledger.forget(key);
    return;
  }
  ledger.lock(concurrent ? LockMode::kShareUpdateExclusive : LockMode::kAccessExclusive,
              "the table of index " + name);
  ledger.find("drop-index-or-constraint", ledger.here(),
              {"DROP INDEX " + name, {}, concurrent ? SqlSeverity::kNote : SqlSeverity::kWarning});
  if (cascades) {
    cascade(ledger, "DROP INDEX " + name, "index " + name);
  }
}

void drop_object(Ledger& ledger, const DropKind& kind, const std::string& name, bool cascades) {
  const std::string key = key_of(kind.key, name);
  if (ledger.certainly_fresh(key)) {
    ledger.forget(key);
    return;
  }
  ledger.forget(key);
  const std::string subject = fmt::format("DROP {} {}", kind.words, name);
  if (kind.type == "OBJECT_SEQUENCE") {
    ledger.lose({DataLoss::What::kSequence, name});
  } else if (!kind.lost.empty()) {
    ledger.lose({DataLoss::What::kOther, fmt::format("{} {}", kind.lost, name)});
  }
  if (cascades) {
    if (kind.type == "OBJECT_SCHEMA") {
      ledger.lose({DataLoss::What::kSchema, name});
    }
    cascade(ledger, subject, fmt::format("{} {}", kind.words, name));
  }
  if (kind.key != "statistics") {
    ledger.breaks("it may use " + name, key);
    ledger.find("drop-object", ledger.here(), {subject, key, {}});
  }
}

}  // namespace

void judge_drop(Ledger& ledger, Node node) {
  const std::string_view type = node["removeType"].raw();
  const bool cascades = node.is("behavior", "DROP_CASCADE");
  const DropKind* kind = kind_of(type);
  const Node objects = node["objects"];
  for (Node each = objects.first(); each; each = each.next()) {
    const std::string name = object_name(each);
    if (type == "OBJECT_TABLE" || type == "OBJECT_FOREIGN_TABLE") {
      drop_table(ledger, name, cascades);
    } else if (type == "OBJECT_INDEX") {
      drop_index(ledger, name, node.flag("concurrent"), cascades);
    } else if (kind != nullptr) {
      drop_object(ledger, *kind, name, cascades);
    } else {
      ledger.unknown(fmt::format("DROP {} is not looked into", type.substr(7)));
    }
  }
}

void judge_drop_database(Ledger& ledger, Node node) {
  const std::string name = node["dbname"].text();
  ledger.current().needs_no_transaction = true;
  ledger.lose({DataLoss::What::kDatabase, name});
  ledger.breaks("it uses " + name);
  ledger.find("drop-cascade", ledger.here(), {"DROP DATABASE " + name, {}, {}});
}

void judge_drop_owned(Ledger& ledger, Node node) {
  const std::string role = node["roles"].first()["RoleSpec"]["rolename"].text();
  ledger.lose({DataLoss::What::kOther, "everything that belongs to " + role});
  ledger.breaks("it may use what belongs to " + role);
  ledger.find("drop-cascade", ledger.here(), {"DROP OWNED BY " + role, {}, {}});
}

void judge_drop_other(Ledger& ledger, Node node) {
  const bool role = node.key() == "DropRoleStmt";
  const bool space = node.key() == "DropTableSpaceStmt";
  std::string name = role    ? node["roles"].first()["RoleSpec"]["rolename"].text()
                     : space ? node["tablespacename"].text()
                             : node["subname"].text();
  name = (role ? "role " : space ? "tablespace " : "subscription ") + name;
  ledger.current().needs_no_transaction = space;
  ledger.lose({DataLoss::What::kOther, name});
  ledger.breaks("it may use " + name);
  ledger.find("drop-object", ledger.here(), {"DROP of " + name, {}, {}});
}

void judge_truncate(Ledger& ledger, Node node) {
  const bool cascades = node.is("behavior", "DROP_CASCADE");
  const Node relations = node["relations"];
  for (Node each = relations.first(); each; each = each.next()) {
    const Node relation = each["RangeVar"];
    const std::string name = relation_name(relation);
    ledger.lock(LockMode::kAccessExclusive, name);
    if (ledger.certainly_fresh(relation_key(name))) {
      continue;
    }
    DataLoss loss{DataLoss::What::kRows, name};
    if (ledger.judgements.size() == 1 && !ledger.conditional && relation.flag("inh")) {
      loss.where = "true";
    }
    loss.cascades = cascades;
    ledger.lose(std::move(loss));
    ledger.find("truncate", ledger.at(relation), {"TRUNCATE " + name, {}, {}});
    if (cascades) {
      ledger.find("drop-cascade", ledger.at(relation), {"TRUNCATE " + name + " CASCADE", {}, {}});
    }
  }
}

}  // namespace ripcord::pgquery
