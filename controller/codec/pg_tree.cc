// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/pg_tree.h"

#include <algorithm>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

namespace ripcord::codec {
namespace {

using Json = nlohmann::json;
using Names = std::set<std::string_view>;

// Statements that add or look, and take nothing away.
const Names& harmless_statements() {
  static const Names names = {"CreateStmt",
                              "CreateTableAsStmt",
                              "IndexStmt",
                              "ViewStmt",
                              "CreateFunctionStmt",
                              "CreateSchemaStmt",
                              "CreateSeqStmt",
                              "CreateEnumStmt",
                              "CompositeTypeStmt",
                              "CreateDomainStmt",
                              "CreateExtensionStmt",
                              "CreateTrigStmt",
                              "CommentStmt",
                              "GrantStmt",
                              "GrantRoleStmt",
                              "InsertStmt",
                              "SelectStmt",
                              "VariableSetStmt",
                              "VariableShowStmt",
                              "VacuumStmt",
                              "ReindexStmt",
                              "LockStmt",
                              "RenameStmt",
                              "AlterEnumStmt",
                              "AlterOwnerStmt",
                              "AlterObjectSchemaStmt",
                              "DefineStmt",
                              "RefreshMatViewStmt",
                              "CreateRangeStmt",
                              "CreateStatsStmt",
                              "CreatedbStmt",
                              "CreateRoleStmt",
                              "CreateTableSpaceStmt",
                              "CreatePolicyStmt",
                              "ExplainStmt",
                              "ClusterStmt",
                              "CheckPointStmt"};
  return names;
}

// Nodes that destroy, wherever they stand in a statement (a CTE may delete).
const Names& lossy_nodes() {
  static const Names names = {
      "DropStmt",   "TruncateStmt",  "DeleteStmt",   "UpdateStmt",         "MergeStmt",
      "DropdbStmt", "DropOwnedStmt", "DropRoleStmt", "DropTableSpaceStmt", "DropSubscriptionStmt"};
  return names;
}

const Names& harmless_alterations() {
  static const Names names = {
      "AT_AddColumn",       "AT_AddConstraint",  "AT_SetNotNull",      "AT_ValidateConstraint",
      "AT_SetStatistics",   "AT_SetStorage",     "AT_SetCompression",  "AT_EnableTrig",
      "AT_EnableTrigAll",   "AT_EnableTrigUser", "AT_ClusterOn",       "AT_AttachPartition",
      "AT_AddIdentity",     "AT_ChangeOwner",    "AT_SetRelOptions",   "AT_EnableRowSecurity",
      "AT_ReplicaIdentity", "AT_AddInherit",     "AT_AlterConstraint", "AT_SetLogged"};
  return names;
}

// Functions that a SELECT or INSERT may call without making its effect unknown.
const Names& harmless_functions() {
  static const Names names = {"now",
                              "clock_timestamp",
                              "count",
                              "sum",
                              "min",
                              "max",
                              "avg",
                              "generate_series",
                              "md5",
                              "lower",
                              "upper",
                              "random",
                              "gen_random_uuid",
                              "length",
                              "concat",
                              "to_char",
                              "date_trunc",
                              "array_agg",
                              "string_agg",
                              "row_number",
                              "jsonb_build_object",
                              "json_build_object",
                              "to_jsonb",
                              "setval",
                              "nextval",
                              "currval",
                              "set_config",
                              "current_setting",
                              "format",
                              "substr",
                              "substring",
                              "replace",
                              "trim",
                              "btrim",
                              "abs",
                              "round",
                              "pg_sleep",
                              "repeat",
                              "split_part",
                              "to_timestamp"};
  return names;
}

bool flag(const Json& node, const char* key) {
  const auto at = node.find(key);
  return at != node.end() && at->is_boolean() && at->get<bool>();
}

std::string text(const Json& node, const char* key) {
  const auto at = node.find(key);
  return at != node.end() && at->is_string() ? at->get<std::string>() : std::string();
}

DataEffect worse(DataEffect a, DataEffect b) {
  return std::max(a, b);
}

DataEffect alteration_effect(const Json& command) {
  const std::string subtype = text(command, "subtype");
  if (harmless_alterations().contains(subtype)) {
    return DataEffect::kLossless;
  }
  if (subtype == "AT_ColumnDefault") {
    return command.contains("def") ? DataEffect::kLossless : DataEffect::kLossy;
  }
  const bool takes_away = subtype.rfind("AT_Drop", 0) == 0 || subtype == "AT_AlterColumnType" ||
                          subtype == "AT_SetUnLogged" || subtype.rfind("AT_Detach", 0) == 0;
  return takes_away ? DataEffect::kLossy : DataEffect::kUnknown;
}

DataEffect call_effect(const Json& call) {
  const auto names = call.find("funcname");
  if (names == call.end() || !names->is_array() || names->empty()) {
    return DataEffect::kUnknown;
  }
  const Json& last = names->back();
  const auto string = last.find("String");
  const std::string name = string == last.end() ? "" : text(*string, "sval");
  return harmless_functions().contains(name) ? DataEffect::kLossless : DataEffect::kUnknown;
}

DataEffect node_effect(const std::string& name, const Json& node) {
  if (lossy_nodes().contains(name)) {
    return DataEffect::kLossy;
  }
  if (name == "AlterTableCmd") {
    return alteration_effect(node);
  }
  if (name == "onConflictClause") {
    return text(node, "action") == "ONCONFLICT_UPDATE" ? DataEffect::kLossy : DataEffect::kLossless;
  }
  return DataEffect::kLossless;
}

// Looks at every node below `root`, without recursion: expressions nest deeply.
DataEffect tree_effect(const Json& root, bool runs_functions) {
  DataEffect effect = DataEffect::kLossless;
  std::vector<const Json*> open = {&root};
  while (!open.empty()) {
    const Json& node = *open.back();
    open.pop_back();
    for (auto it = node.begin(); it != node.end(); ++it) {
      if (node.is_object()) {
        effect = worse(effect, node_effect(it.key(), *it));
        if (runs_functions && it.key() == "FuncCall") {
          effect = worse(effect, call_effect(*it));
        }
      }
      if (it->is_structured()) {
        open.push_back(&*it);
      }
    }
  }
  return effect;
}

bool has_option(const Json& node, const char* name) {
  const auto params = node.find("params");
  return params != node.end() && params->is_array() &&
         std::any_of(params->begin(), params->end(), [&](const Json& item) {
           const auto element = item.find("DefElem");
           return element != item.end() && text(*element, "defname") == name;
         });
}

bool no_transaction(const std::string& name, const Json& node) {
  if (name == "IndexStmt" || name == "DropStmt") {
    return flag(node, "concurrent");
  }
  if (name == "ReindexStmt") {
    const std::string kind = text(node, "kind");
    return has_option(node, "concurrently") || kind == "REINDEX_OBJECT_SCHEMA" ||
           kind == "REINDEX_OBJECT_DATABASE" || kind == "REINDEX_OBJECT_SYSTEM";
  }
  if (name == "VacuumStmt") {
    return flag(node, "is_vacuumcmd");
  }
  if (name == "ClusterStmt") {
    return !node.contains("relation");
  }
  if (name == "AlterTableStmt") {
    const std::string all = node.dump();
    return all.find("\"AT_DetachPartition\"") != std::string::npos &&
           all.find("\"concurrent\":true") != std::string::npos;
  }
  static const Names names = {"CreatedbStmt", "DropdbStmt", "AlterSystemStmt",
                              "CreateTableSpaceStmt", "DropTableSpaceStmt"};
  return names.contains(name);
}

PgStatementFacts facts_of(const std::string& name, const Json& node) {
  PgStatementFacts facts;
  facts.transaction_control = name == "TransactionStmt";
  facts.needs_no_transaction = no_transaction(name, node);
  const bool known = harmless_statements().contains(name) || lossy_nodes().contains(name) ||
                     name == "AlterTableStmt";
  const bool runs_functions =
      name == "SelectStmt" || name == "InsertStmt" || name == "CreateTableAsStmt";
  facts.effect = worse(node_effect(name, node), tree_effect(node, runs_functions));
  if (!known) {
    facts.effect = worse(facts.effect, DataEffect::kUnknown);
  }
  return facts;
}

}  // namespace

Result<std::vector<PgStatementFacts>> read_pg_tree(std::string_view json) {
  const Json tree = Json::parse(json, nullptr, false);
  const auto list = tree.is_object() ? tree.find("stmts") : tree.end();
  if (!tree.is_object()) {
    return error(StatusCode::kInternal, "the parse tree is not JSON");
  }
  std::vector<PgStatementFacts> all;
  if (list == tree.end()) {
    return all;
  }
  for (const Json& raw : *list) {
    const auto statement = raw.find("stmt");
    if (statement == raw.end() || !statement->is_object() || statement->empty()) {
      return error(StatusCode::kInternal, "the parse tree has a statement without a node");
    }
    PgStatementFacts facts = facts_of(statement->begin().key(), statement->begin().value());
    facts.location = raw.value("stmt_location", std::size_t{0});
    facts.length = raw.value("stmt_len", std::size_t{0});
    all.push_back(facts);
  }
  return all;
}

}  // namespace ripcord::codec
