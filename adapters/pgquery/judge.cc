// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/judge.h"

#include "adapters/pgquery/names.h"

#include <map>
#include <string_view>

#include <fmt/format.h>

namespace ripcord::pgquery {
namespace {

using Judge = void (*)(Ledger&, Node);

void adds(Ledger& ledger, Node /*node*/) {
  ledger.adds();
}
void nothing(Ledger& /*ledger*/, Node /*node*/) {}
void outside(Ledger& ledger, Node /*node*/) {
  ledger.adds();
  ledger.current().needs_no_transaction = true;
}
void alter_system(Ledger& ledger, Node /*node*/) {
  ledger.current().needs_no_transaction = true;
  ledger.unknown("ALTER SYSTEM");
}
void explain(Ledger& ledger, Node node) {
  if (has_option(node["options"], "analyze")) {
    judge_statement(ledger, node["query"].unwrapped());
  }
}
void prepare(Ledger& ledger, Node /*node*/) {
  ledger.unknown("PREPARE and EXECUTE are not followed");
}
void copy(Ledger& ledger, Node node) {
  if (node.flag("is_program")) {
    ledger.unknown("COPY runs a program");
  } else if (node.flag("is_from")) {
    ledger.adds();
    ledger.lock(LockMode::kRowExclusive, relation_name(node["relation"]));
  } else if (const Node query = node["query"]) {
    judge_statement(ledger, query.unwrapped());
  }
}
void discard(Ledger& ledger, Node /*node*/) {
  ledger.find("lock-timeout", ledger.here(), {"DISCARD ALL", {}, {}});
}

const std::map<std::string_view, Judge>& judges() {
  static const std::map<std::string_view, Judge> all = {
      {"AlterDatabaseSetStmt", nothing},
      {"AlterDomainStmt", judge_alter_domain},
      {"AlterEnumStmt", judge_enum},
      {"AlterObjectSchemaStmt", judge_set_schema},
      {"AlterOwnerStmt", nothing},
      {"AlterSeqStmt", judge_alter_sequence},
      {"AlterStatsStmt", nothing},
      {"AlterSystemStmt", alter_system},
      {"AlterTableStmt", judge_alter_table},
      {"CallStmt", judge_call},
      {"CheckPointStmt", nothing},
      {"ClusterStmt", judge_cluster},
      {"CommentStmt", adds},
      {"CompositeTypeStmt", judge_create_named},
      {"CopyStmt", copy},
      {"CreateDomainStmt", judge_create_domain},
      {"CreateEnumStmt", judge_create_named},
      {"CreateEventTrigStmt", adds},
      {"CreateExtensionStmt", adds},
      {"CreateForeignTableStmt", adds},
      {"CreateFunctionStmt", judge_create_function},
      {"CreatePolicyStmt", judge_create_policy},
      {"CreatePublicationStmt", adds},
      {"CreateRangeStmt", judge_create_named},
      {"CreateRoleStmt", adds},
      {"CreateSchemaStmt", judge_create_named},
      {"CreateSeqStmt", judge_create_named},
      {"CreateStatsStmt", adds},
      {"CreateStmt", judge_create_table},
      {"CreateTableAsStmt", judge_create_table_as},
      {"CreateTableSpaceStmt", outside},
      {"CreateTrigStmt", judge_create_trigger},
      {"CreatedbStmt", outside},
      {"DefineStmt", adds},
      {"DeleteStmt", judge_query},
      {"DiscardStmt", discard},
      {"DoStmt", judge_do},
      {"DropOwnedStmt", judge_drop_owned},
      {"DropRoleStmt", judge_drop_other},
      {"DropStmt", judge_drop},
      {"DropSubscriptionStmt", judge_drop_other},
      {"DropTableSpaceStmt", judge_drop_other},
      {"DropdbStmt", judge_drop_database},
      {"ExplainStmt", explain},
      {"GrantRoleStmt", judge_grant_role},
      {"GrantStmt", judge_grant},
      {"IndexStmt", judge_create_index},
      {"InsertStmt", judge_query},
      {"LockStmt", judge_lock},
      {"MergeStmt", judge_query},
      {"NotifyStmt", nothing},
      {"PrepareStmt", prepare},
      {"RefreshMatViewStmt", judge_refresh},
      {"ReindexStmt", judge_reindex},
      {"RenameStmt", judge_rename},
      {"SelectStmt", judge_query},
      {"TransactionStmt", judge_transaction},
      {"TruncateStmt", judge_truncate},
      {"UpdateStmt", judge_query},
      {"VacuumStmt", judge_vacuum},
      {"VariableSetStmt", judge_set},
      {"VariableShowStmt", nothing},
      {"ViewStmt", judge_create_view},
  };
  return all;
}

}  // namespace

void judge_statement(Ledger& ledger, Node statement) {
  const auto found = judges().find(statement.key());
  if (found != judges().end()) {
    found->second(ledger, statement);
    return;
  }
  std::string name(statement.key());
  if (name.ends_with("Stmt")) {
    name.resize(name.size() - 4);
  }
  ledger.unknown(fmt::format("{} is not looked into", name.empty() ? "this statement" : name));
}

}  // namespace ripcord::pgquery
