// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/judge.h"
#include "adapters/pgquery/names.h"

#include <fmt/format.h>

namespace ripcord::pgquery {
namespace {

std::string subject_of(const std::string& relation, Node constraint, std::string_view kind) {
  const std::string name = constraint["conname"].text();
  return fmt::format("ADD {}{}{} on {}", kind, name.empty() ? "" : " ", name, relation);
}

void judge_index_constraint(Ledger& ledger, const std::string& relation, Node constraint,
                            std::size_t offset, bool exclusion) {
  if (constraint["indexname"]) {
    ledger.lock(LockMode::kAccessExclusive, relation);  // the index is there already
    return;
  }
  ledger.lock(LockMode::kAccessExclusive, relation, TableWork::kScan);
  ledger.breaks("writes that repeat a value are refused");
  const bool primary = constraint.is("contype", "CONSTR_PRIMARY");
  ledger.find(exclusion ? "exclusion-constraint" : "unique-constraint", offset,
              {subject_of(relation, constraint,
                          exclusion ? "EXCLUDE"
                          : primary ? "PRIMARY KEY"
                                    : "UNIQUE"),
               {},
               {}});
}

void judge_checked_constraint(Ledger& ledger, const std::string& relation, Node constraint,
                              std::size_t offset, bool foreign) {
  const bool later = constraint.flag("skip_validation");
  const TableWork work = later ? TableWork::kNone : TableWork::kScan;
  ledger.lock(foreign ? LockMode::kShareRowExclusive : LockMode::kAccessExclusive, relation, work);
  if (foreign) {
    ledger.lock(LockMode::kShareRowExclusive, relation_name(constraint["pktable"]), work);
  }
  const std::string name = constraint["conname"].text();
  ledger.breaks(fmt::format("writes against the new {} are refused", foreign ? "key" : "check"));
  if (later) {
    ledger.marks.insert(fmt::format("not-valid:{}.{}", relation, name));
  } else {
    ledger.find("constraint-scan", offset,
                {subject_of(relation, constraint, foreign ? "FOREIGN KEY" : "CHECK"), {}, {}});
  }
}

}  // namespace

void judge_constraint(Ledger& ledger, const std::string& relation, Node constraint,
                      std::size_t offset) {
  const std::string_view type = constraint["contype"].raw();
  if (type == "CONSTR_CHECK" || type == "CONSTR_FOREIGN") {
    judge_checked_constraint(ledger, relation, constraint, offset, type == "CONSTR_FOREIGN");
  } else if (type == "CONSTR_UNIQUE" || type == "CONSTR_PRIMARY" || type == "CONSTR_EXCLUSION") {
    judge_index_constraint(ledger, relation, constraint, offset, type == "CONSTR_EXCLUSION");
  }
}

void judge_add_constraint(Ledger& ledger, const TableAction& action) {
  const Node constraint = action.node["def"]["Constraint"];
  const std::string name = constraint["conname"].text();
  if (action.fresh) {
    if (const Node other = constraint["pktable"]) {
      ledger.lock(LockMode::kShareRowExclusive, relation_name(other));
    }
  } else {
    judge_constraint(ledger, action.relation, constraint, action.offset);
  }
  if (!name.empty()) {
    ledger.make_anew(member_key("constraint", action.relation, name));
  }
}

void judge_validate_constraint(Ledger& ledger, const TableAction& action) {
  ledger.lock(LockMode::kShareUpdateExclusive, action.relation, TableWork::kScan);
  const std::string name = action.column();
  ledger.marks.insert("validated:" + action.relation);
  if (!action.fresh &&
      ledger.marks.contains(fmt::format("not-valid:{}.{}", action.relation, name))) {
    ledger.find(
        "constraint-scan", action.offset,
        {fmt::format("VALIDATE CONSTRAINT {} in the transaction that added it", name), {}, {}});
  }
}

void judge_drop_constraint(Ledger& ledger, const TableAction& action) {
  const std::string name = action.column();
  const std::string key = member_key("constraint", action.relation, name);
  ledger.lock(LockMode::kAccessExclusive, action.relation);
  if (action.node.is("behavior", "DROP_CASCADE")) {
    ledger.lose({DataLoss::What::kOther, "what depends on constraint " + name});
    ledger.find("drop-cascade", action.offset,
                {fmt::format("DROP CONSTRAINT {} CASCADE on {}", name, action.relation), {}, {}});
  }
  // The last step of the way to NOT NULL: its CHECK is no longer needed.
  const bool replaced = ledger.marks.contains("not-null:" + action.relation) &&
                        ledger.marks.contains("validated:" + action.relation);
  if (!action.fresh && !ledger.fresh(key) && !replaced) {
    ledger.find("drop-index-or-constraint", action.offset,
                {fmt::format("DROP CONSTRAINT {} on {}", name, action.relation), key, {}});
  }
  ledger.forget(key);
}

}  // namespace ripcord::pgquery
