// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/judge.h"
#include "adapters/pgquery/names.h"

#include <map>
#include <set>
#include <string_view>

#include <fmt/format.h>

namespace ripcord::pgquery {
namespace {

using Judge = void (*)(Ledger&, const TableAction&);

void set_logged(Ledger& ledger, const TableAction& action) {
  const bool unlogged = action.node.is("subtype", "AT_SetUnLogged");
  ledger.lock(LockMode::kAccessExclusive, action.relation, TableWork::kRewrite);
  if (unlogged) {
    ledger.lose({DataLoss::What::kRows, action.relation});
  }
  if (!action.fresh || unlogged) {
    ledger.find(
        "unlogged-table", action.offset,
        {fmt::format("SET {} on {}", unlogged ? "UNLOGGED" : "LOGGED", action.relation), {}, {}});
  }
}

void move_table(Ledger& ledger, const TableAction& action) {
  ledger.lock(LockMode::kAccessExclusive, action.relation, TableWork::kRewrite);
  if (!action.fresh) {
    ledger.find(
        "rewrite-table", action.offset,
        {fmt::format("moving {} to another tablespace or access method", action.relation), {}, {}});
  }
}

void attach(Ledger& ledger, const TableAction& action) {
  const std::string part = relation_name(action.node["def"]["PartitionCmd"]["name"]);
  ledger.lock(LockMode::kShareUpdateExclusive, action.relation);
  ledger.lock(LockMode::kAccessExclusive, part, TableWork::kScan);
  if (!ledger.fresh_relation(part)) {
    ledger.find("partition-lock", action.offset,
                {fmt::format("ATTACH PARTITION {} to {}", part, action.relation), {}, {}});
  }
}

void detach(Ledger& ledger, const TableAction& action) {
  const Node command = action.node["def"]["PartitionCmd"];
  const std::string part = relation_name(command["name"]);
  const bool concurrent = command.flag("concurrent");
  ledger.current().needs_no_transaction = ledger.current().needs_no_transaction || concurrent;
  ledger.lock(concurrent ? LockMode::kShareUpdateExclusive : LockMode::kAccessExclusive,
              action.relation);
  if (action.fresh) {
    return;
  }
  ledger.breaks(fmt::format("the rows of {} are no longer in {}", part, action.relation));
  ledger.find("partition-lock", action.offset,
              {fmt::format("DETACH PARTITION {} from {}", part, action.relation),
               {},
               concurrent ? SqlSeverity::kNote : SqlSeverity::kWarning});
}

void access(Ledger& ledger, const TableAction& action) {
  const std::string_view subtype = action.node["subtype"].raw();
  const bool triggers = subtype.starts_with("AT_Disable") && subtype.find("Trig") != subtype.npos;
  ledger.lock(triggers ? LockMode::kShareRowExclusive : LockMode::kAccessExclusive,
              action.relation);
  if (action.fresh) {
    return;
  }
  if (triggers || subtype == "AT_DisableRule") {
    ledger.unknown(fmt::format("what the triggers of {} kept true no longer is", action.relation));
  } else {
    ledger.breaks(fmt::format("other rows of {} can be seen", action.relation));
  }
  ledger.find("change-access", action.offset,
              {fmt::format("ALTER TABLE {} {}", action.relation, subtype.substr(3)), {}, {}});
}

void catalog_only(Ledger& ledger, const TableAction& action) {
  static const std::set<std::string_view> kWeak = {
      "AT_SetStatistics", "AT_SetRelOptions", "AT_ResetRelOptions", "AT_SetOptions",
      "AT_ResetOptions",  "AT_ClusterOn",     "AT_DropCluster"};
  const bool weak = kWeak.contains(action.node["subtype"].raw());
  ledger.lock(weak ? LockMode::kShareUpdateExclusive : LockMode::kAccessExclusive, action.relation);
}

void triggers_on(Ledger& ledger, const TableAction& action) {
  ledger.lock(LockMode::kShareRowExclusive, action.relation);
}

const std::map<std::string_view, Judge>& judges() {
  static const std::map<std::string_view, Judge> all = {
      {"AT_AddColumn", judge_add_column},
      {"AT_AddConstraint", judge_add_constraint},
      {"AT_AddIdentity", catalog_only},
      {"AT_AddInherit", catalog_only},
      {"AT_AlterColumnType", judge_column_type},
      {"AT_AlterConstraint", catalog_only},
      {"AT_AttachPartition", attach},
      {"AT_ChangeOwner", catalog_only},
      {"AT_ClusterOn", catalog_only},
      {"AT_ColumnDefault", judge_column_default},
      {"AT_DetachPartition", detach},
      {"AT_DetachPartitionFinalize", catalog_only},
      {"AT_DisableRowSecurity", access},
      {"AT_DisableRule", access},
      {"AT_DisableTrig", access},
      {"AT_DisableTrigAll", access},
      {"AT_DisableTrigUser", access},
      {"AT_DropCluster", catalog_only},
      {"AT_DropColumn", judge_drop_column},
      {"AT_DropConstraint", judge_drop_constraint},
      {"AT_DropExpression", judge_drop_generated},
      {"AT_DropIdentity", judge_drop_generated},
      {"AT_DropInherit", catalog_only},
      {"AT_DropNotNull", judge_drop_not_null},
      {"AT_EnableAlwaysTrig", triggers_on},
      {"AT_EnableReplicaTrig", triggers_on},
      {"AT_EnableRowSecurity", access},
      {"AT_EnableTrig", triggers_on},
      {"AT_EnableTrigAll", triggers_on},
      {"AT_EnableTrigUser", triggers_on},
      {"AT_ForceRowSecurity", access},
      {"AT_NoForceRowSecurity", access},
      {"AT_ReplicaIdentity", catalog_only},
      {"AT_ResetOptions", catalog_only},
      {"AT_ResetRelOptions", catalog_only},
      {"AT_SetAccessMethod", move_table},
      {"AT_SetCompression", catalog_only},
      {"AT_SetIdentity", catalog_only},
      {"AT_SetLogged", set_logged},
      {"AT_SetNotNull", judge_set_not_null},
      {"AT_SetOptions", catalog_only},
      {"AT_SetRelOptions", catalog_only},
      {"AT_SetStatistics", catalog_only},
      {"AT_SetStorage", catalog_only},
      {"AT_SetTableSpace", move_table},
      {"AT_SetUnLogged", set_logged},
      {"AT_ValidateConstraint", judge_validate_constraint},
  };
  return all;
}

// Where an action stands; those whose node has no location are counted out.
std::size_t offset_of(const Ledger& ledger, Node command, std::size_t index, bool alone) {
  const Node def = command["def"].unwrapped();
  if (def["location"]) {
    return ledger.at(def);
  }
  return alone ? ledger.here() : ledger.of_command(index);
}

bool adds_only(std::string_view subtype) {
  static const std::set<std::string_view> kAdding = {"AT_AddColumn", "AT_AddConstraint",
                                                     "AT_AttachPartition", "AT_ValidateConstraint"};
  return kAdding.contains(subtype);
}

}  // namespace

void judge_alter_table(Ledger& ledger, Node node) {
  TableAction action;
  action.relation = relation_name(node["relation"]);
  const Node commands = node["cmds"];
  const bool alone = commands.count() == 1;
  bool adding = true;
  std::size_t index = 0;
  for (Node each = commands.first(); each; each = each.next(), ++index) {
    action.node = each["AlterTableCmd"];
    action.offset = offset_of(ledger, action.node, index, alone);
    action.fresh = ledger.fresh_relation(action.relation);
    const std::string_view subtype = action.node["subtype"].raw();
    adding = adding && adds_only(subtype);
    const auto found = judges().find(subtype);
    if (found == judges().end()) {
      ledger.unknown(fmt::format("ALTER TABLE {} is not looked into", subtype));
    } else {
      found->second(ledger, action);
    }
  }
  if (adding) {
    ledger.adds();
  }
}

}  // namespace ripcord::pgquery
