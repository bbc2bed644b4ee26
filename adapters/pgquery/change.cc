// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/judge.h"
#include "adapters/pgquery/names.h"

#include <set>
#include <string_view>

#include <fmt/format.h>

namespace ripcord::pgquery {
namespace {

// Clients never name these.
bool inner_name(std::string_view type) {
  static const std::set<std::string_view> kInner = {"OBJECT_INDEX",         "OBJECT_TABCONSTRAINT",
                                                    "OBJECT_DOMCONSTRAINT", "OBJECT_POLICY",
                                                    "OBJECT_TRIGGER",       "OBJECT_RULE"};
  return kInner.contains(type);
}

std::string renamed_thing(Node node, const std::string& relation) {
  const std::string sub = node["subname"].text();
  if (!relation.empty()) {
    return node.is("renameType", "OBJECT_COLUMN") || node.is("renameType", "OBJECT_ATTRIBUTE")
               ? relation + "." + sub
               : relation;
  }
  const std::string object = object_name(node["object"]);
  return !object.empty() ? object
         : !sub.empty()  ? sub
                         : joined_name(node["object"]["List"]["items"]);
}

void move_knowledge(Ledger& ledger, const std::string& from, const std::string& to) {
  const auto at = ledger.made.find(from);
  if (at != ledger.made.end()) {
    const bool certain = at->second;
    ledger.made.erase(at);
    ledger.made[to] = certain;
  }
}

// lock_timeout off: 0, DEFAULT, RESET.
bool turns_off(Node node) {
  const std::string_view kind = node["kind"].raw();
  if (kind == "VAR_RESET" || kind == "VAR_SET_DEFAULT" || kind == "VAR_RESET_ALL") {
    return true;
  }
  const Node value = node["args"].first()["A_Const"];
  const std::string text = value["sval"]["sval"].text();
  if (value["sval"]) {
    return text.find_first_of("123456789") == std::string::npos;
  }
  return value["ival"] && value["ival"]["ival"].number(0) == 0;
}

}  // namespace

void judge_rename(Ledger& ledger, Node node) {
  const std::string_view type = node["renameType"].raw();
  const std::string relation = node["relation"] ? relation_name(node["relation"]) : "";
  const std::string to = node["newname"].text();
  const bool column = type == "OBJECT_COLUMN";
  const bool fresh = !relation.empty() && ledger.fresh_relation(relation);
  if (!relation.empty()) {
    ledger.lock(
        type == "OBJECT_INDEX" ? LockMode::kShareUpdateExclusive : LockMode::kAccessExclusive,
        relation);
  }
  const std::string thing = renamed_thing(node, relation);
  const bool new_column =
      column && ledger.fresh(member_key("column", relation, node["subname"].text()));
  if (!fresh && !inner_name(type) && !new_column) {
    const std::string key = type == "OBJECT_TABLE" ? "renamed:" + relation : "";
    ledger.breaks(fmt::format("it knows {} by that name", thing), key);
    ledger.find("rename", ledger.here(), {fmt::format("RENAME {} TO {}", thing, to), key, {}});
  }
  if (column) {
    move_knowledge(ledger, member_key("column", relation, node["subname"].text()),
                   member_key("column", relation, to));
  } else if (fresh) {
    move_knowledge(ledger, relation_key(relation), relation_key(to));
  }
}

void judge_enum(Ledger& ledger, Node node) {
  const std::string type = joined_name(node["typeName"]);
  if (ledger.fresh(key_of("type", type))) {
    return;
  }
  const std::string value = node["newVal"].text();
  if (const Node old = node["oldVal"]) {
    ledger.breaks(fmt::format("it knows value {} of {} by that name", old.text(), type));
    ledger.find("rename", ledger.here(),
                {fmt::format("RENAME VALUE {} OF {} TO {}", old.text(), type, value), {}, {}});
    return;
  }
  ledger.adds();
  ledger.find("enum-add-value", ledger.here(),
              {fmt::format("ADD VALUE {} TO {}", value, type), {}, {}});
}

void judge_set_schema(Ledger& ledger, Node node) {
  const std::string relation = node["relation"] ? relation_name(node["relation"]) : "";
  const std::string name = relation.empty() ? object_name(node["object"]) : relation;
  if (!relation.empty()) {
    ledger.lock(LockMode::kAccessExclusive, relation);
    if (ledger.fresh_relation(relation)) {
      ledger.forget(relation_key(relation));
      return;
    }
  }
  ledger.breaks(fmt::format("it looks for {} in its old schema", name));
  ledger.find("change-access", ledger.here(),
              {fmt::format("{} SET SCHEMA {}", name, node["newschema"].text()), {}, {}});
}

void judge_grant(Ledger& ledger, Node node) {
  if (node.flag("is_grant")) {
    ledger.adds();
    return;
  }
  const Node objects = node["objects"];
  bool all_fresh = objects.count() > 0;
  for (Node each = objects.first(); each; each = each.next()) {
    const Node range = each["RangeVar"];
    const std::string name = range ? relation_name(range) : object_name(each);
    const bool fresh = ledger.fresh_relation(name) || ledger.fresh(key_of("function", name)) ||
                       ledger.fresh(key_of("schema", name)) || ledger.fresh(key_of("type", name));
    all_fresh = all_fresh && fresh;
  }
  if (!all_fresh) {
    ledger.breaks("a right that it may need is taken away");
    ledger.find("change-access", ledger.here(), {"REVOKE", {}, {}});
  }
}

void judge_grant_role(Ledger& ledger, Node node) {
  if (node.flag("is_grant")) {
    ledger.adds();
    return;
  }
  ledger.breaks("a role that it may need is taken away");
  ledger.find("change-access", ledger.here(), {"REVOKE of a role", {}, {}});
}

void judge_alter_sequence(Ledger& ledger, Node node) {
  const std::string name = relation_name(node["sequence"]);
  ledger.lock(LockMode::kShareRowExclusive, name);
  if (has_option(node["options"], "restart") && !ledger.fresh_relation(name)) {
    ledger.lose({DataLoss::What::kSequence, name});
    ledger.find("reset-generated-values", ledger.here(),
                {fmt::format("ALTER SEQUENCE {} RESTART", name), {}, {}});
  }
}

void judge_alter_domain(Ledger& ledger, Node node) {
  const std::string name = joined_name(node["typeName"]);
  const std::string_view kind = node["subtype"].raw();
  if (ledger.fresh(key_of("type", name))) {
    return;
  }
  const bool adds = kind == "C" && !node["def"]["Constraint"].flag("skip_validation");
  if (adds || kind == "O") {
    ledger.lock(LockMode::kShare, "every table with a column of " + name, TableWork::kScan);
    ledger.breaks("values against the new constraint are refused");
    ledger.find("domain-constraint", ledger.here(),
                {fmt::format("ALTER DOMAIN {} {}", name, adds ? "ADD CONSTRAINT" : "SET NOT NULL"),
                 {},
                 {}});
  } else if (kind == "X") {
    ledger.find("drop-index-or-constraint", ledger.here(),
                {fmt::format("ALTER DOMAIN {} DROP CONSTRAINT", name), {}, {}});
  }
}

void judge_set(Ledger& ledger, Node node) {
  const std::string name = node["name"].text();
  const bool all = node.is("kind", "VAR_RESET_ALL");
  ledger.current().neutral = true;
  if (name == "search_path" || name == "role" || all) {
    ledger.doubt_names();
  }
  if ((name == "lock_timeout" || all) && turns_off(node)) {
    ledger.find("lock-timeout", ledger.here(),
                {all ? "RESET ALL" : "lock_timeout turned off", {}, {}});
  } else if (name == "session_replication_role" &&
             node["args"].first()["A_Const"]["sval"]["sval"].text() == "replica") {
    ledger.unknown("triggers and foreign keys are turned off");
    ledger.find("change-access", ledger.here(), {"SET session_replication_role", {}, {}});
  }
}

void judge_transaction(Ledger& ledger, Node node) {
  ledger.current().transaction_control = true;
  std::string kind(node["kind"].raw());
  kind = kind.starts_with("TRANS_STMT_") ? kind.substr(11) : "transaction control";
  ledger.find("transaction-control", ledger.here(), {kind, {}, {}});
}

}  // namespace ripcord::pgquery
