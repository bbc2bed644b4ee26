// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/repeat.h"

#include "adapters/pgquery/names.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <string_view>

#include <fmt/format.h>

namespace ripcord::pgquery {
namespace {

using Reason = std::string (*)(Node);

constexpr std::string_view kGuard =
    "wrap it in DO $$ BEGIN IF NOT EXISTS (SELECT ...) THEN ...; END IF; END $$";

std::string unless_exists(Node node, std::string_view what) {
  return node.flag("if_not_exists") ? "" : fmt::format("write {} IF NOT EXISTS", what);
}

std::string table(Node node) {
  return unless_exists(node, "CREATE TABLE");
}
std::string foreign_table(Node node) {
  return unless_exists(node["base"], "CREATE FOREIGN TABLE");
}
std::string table_as(Node node) {
  const bool view = node.is("objtype", "OBJECT_MATVIEW");
  return unless_exists(node, view ? "CREATE MATERIALIZED VIEW" : "CREATE TABLE");
}
std::string index(Node node) {
  return unless_exists(node,
                       node.flag("concurrent") ? "CREATE INDEX CONCURRENTLY" : "CREATE INDEX");
}
std::string schema(Node node) {
  return unless_exists(node, "CREATE SCHEMA");
}
std::string sequence(Node node) {
  return unless_exists(node, "CREATE SEQUENCE");
}
std::string extension(Node node) {
  return unless_exists(node, "CREATE EXTENSION");
}
std::string statistics(Node node) {
  return unless_exists(node, "CREATE STATISTICS");
}
std::string view(Node node) {
  return node.flag("replace") ? "" : "write CREATE OR REPLACE VIEW";
}
std::string function(Node node) {
  return node.flag("replace")        ? ""
         : node.flag("is_procedure") ? "write CREATE OR REPLACE PROCEDURE"
                                     : "write CREATE OR REPLACE FUNCTION";
}
std::string trigger(Node node) {
  if (node.flag("isconstraint")) {
    return fmt::format("a constraint trigger cannot be replaced: {}", kGuard);
  }
  return node.flag("replace") ? "" : "write CREATE OR REPLACE TRIGGER (PostgreSQL 14 and later)";
}
std::string enum_value(Node node) {
  const bool adds = !node["oldVal"];
  return node.flag("skipIfNewValExists") ? ""
         : adds                          ? "write ADD VALUE IF NOT EXISTS"
                                         : std::string(kGuard);
}
std::string insert(Node node) {
  if (node["onConflictClause"]) {
    return "";
  }
  bool guarded = false;
  node["selectStmt"].each_below([&](Node below) {
    guarded = guarded || (below.key() == "SubLink" && below.is("subLinkType", "EXISTS_SUBLINK"));
  });
  return guarded ? "" : "write INSERT ... ON CONFLICT DO NOTHING, or ... WHERE NOT EXISTS (...)";
}
std::string guarded_code(Node node) {
  const Node args = node["args"];
  for (Node each = args.first(); each; each = each.next()) {
    std::string body = each["DefElem"]["arg"]["String"]["sval"].text();
    std::transform(body.begin(), body.end(), body.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    for (const std::string_view word : {"IF ", "IF(", "EXCEPTION", "NOT EXISTS"}) {
      if (body.find(word) != std::string::npos) {
        return "";
      }
    }
  }
  return "have the block ask first: IF NOT EXISTS (SELECT ...) THEN ...; END IF";
}

std::string alter_table(Node node) {
  static const std::set<std::string_view> kSameEnd = {
      "AT_ValidateConstraint", "AT_ColumnDefault", "AT_SetStatistics", "AT_SetStorage",
      "AT_SetRelOptions",      "AT_SetOptions",    "AT_ChangeOwner",   "AT_EnableTrig"};
  const Node commands = node["cmds"];
  for (Node each = commands.first(); each; each = each.next()) {
    const Node command = each["AlterTableCmd"];
    const std::string_view type = command["subtype"].raw();
    if (type == "AT_AddColumn") {
      if (!command.flag("missing_ok")) {
        return "write ADD COLUMN IF NOT EXISTS";
      }
    } else if (type == "AT_AddConstraint") {
      return fmt::format("there is no ADD CONSTRAINT IF NOT EXISTS: {}", kGuard);
    } else if (!kSameEnd.contains(type)) {
      return std::string(kGuard);
    }
  }
  return "";
}

std::string always(Node /*node*/) {
  return "";
}

const std::map<std::string_view, Reason>& reasons() {
  static const std::map<std::string_view, Reason> all = {
      {"AlterDatabaseSetStmt", always},
      {"AlterEnumStmt", enum_value},
      {"AlterOwnerStmt", always},
      {"AlterTableStmt", alter_table},
      {"CommentStmt", always},
      {"CreateExtensionStmt", extension},
      {"CreateForeignTableStmt", foreign_table},
      {"CreateFunctionStmt", function},
      {"CreateSchemaStmt", schema},
      {"CreateSeqStmt", sequence},
      {"CreateStatsStmt", statistics},
      {"CreateStmt", table},
      {"CreateTableAsStmt", table_as},
      {"CreateTrigStmt", trigger},
      {"DoStmt", guarded_code},
      {"GrantRoleStmt", always},
      {"GrantStmt", always},
      {"IndexStmt", index},
      {"InsertStmt", insert},
      {"LockStmt", always},
      {"ReindexStmt", always},
      {"VacuumStmt", always},
      {"VariableSetStmt", always},
      {"VariableShowStmt", always},
      {"ViewStmt", view},
  };
  return all;
}

bool has_dot(Node string) {
  return string.text().find('.') != std::string::npos;
}

bool drops_tables(Node node) {
  bool plain = node.is("removeType", "OBJECT_TABLE") && !node.is("behavior", "DROP_CASCADE");
  node["objects"].each_below(
      [&](Node below) { plain = plain && (below.key() != "sval" || !has_dot(below)); });
  return plain;
}

bool drops_columns(Node node) {
  const Node relation = node["relation"];
  bool plain = !has_dot(relation["relname"]) && !has_dot(relation["schemaname"]);
  const Node commands = node["cmds"];
  for (Node each = commands.first(); each; each = each.next()) {
    const Node command = each["AlterTableCmd"];
    plain =
        plain && command.is("subtype", "AT_DropColumn") && !command.is("behavior", "DROP_CASCADE");
  }
  return plain;
}

}  // namespace

bool only_drops(Node statement) {
  return statement.key() == "DropStmt"         ? drops_tables(statement)
         : statement.key() == "AlterTableStmt" ? drops_columns(statement)
                                               : false;
}

std::string why_only_once(Node statement) {
  const auto found = reasons().find(statement.key());
  return found != reasons().end() ? found->second(statement) : std::string(kGuard);
}

}  // namespace ripcord::pgquery
