// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/proof.h"

#include "controller/policy/unseen_loss.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr std::size_t kMostNamed = 20;

using Row = std::vector<std::optional<std::string>>;

// The grants of an object that is itself not there say nothing more.
bool goes_with_its_object(const std::string& name, const SchemaCatalog& other) {
  constexpr std::string_view kGrants = "grants of ";
  return name.starts_with(kGrants) && !other.objects.contains(name.substr(kGrants.size()));
}

// What differs between two catalogs, in words. `was` came first.
std::vector<std::string> differences(const SchemaCatalog& was, const SchemaCatalog& is,
                                     std::string_view by) {
  std::vector<std::string> found;
  for (const auto& [name, definition] : was.objects) {
    const auto now = is.objects.find(name);
    if (now == is.objects.end() && goes_with_its_object(name, is)) {
      continue;
    }
    if (now == is.objects.end()) {
      found.push_back(fmt::format("{} does not bring back {}", by, name));
    } else if (now->second != definition) {
      found.push_back(
          fmt::format("{} leaves {} as \"{}\"; it was \"{}\"", by, name, now->second, definition));
    }
  }
  for (const auto& [name, definition] : is.objects) {
    if (!was.objects.contains(name) && !goes_with_its_object(name, was)) {
      found.push_back(fmt::format("{} leaves {}, which was not there before", by, name));
    }
  }
  return found;
}

std::optional<std::size_t> position(const TableContent& table, const std::string& column) {
  const auto at = std::find(table.columns.begin(), table.columns.end(), column);
  return at == table.columns.end()
             ? std::nullopt
             : std::optional(static_cast<std::size_t>(at - table.columns.begin()));
}

// How many of `needed` are not in `there`, counting each as often as it occurs.
std::size_t missing(std::multiset<Row> there, const std::multiset<Row>& needed) {
  std::size_t lost = 0;
  for (const Row& row : needed) {
    const auto found = there.find(row);
    if (found == there.end()) {
      ++lost;
    } else {
      there.erase(found);
    }
  }
  return lost;
}

// The columns that both have, as positions in each.
struct CommonColumns {
  std::vector<std::size_t> was;
  std::vector<std::size_t> is;
};

// The one column without which all rows would be there.
std::optional<std::string> only_difference(const TableContent& was, const TableContent& is,
                                           const CommonColumns& common) {
  std::optional<std::string> only;
  for (std::size_t at = 0; at < common.was.size(); ++at) {
    CommonColumns others = common;
    others.was.erase(others.was.begin() + static_cast<std::ptrdiff_t>(at));
    others.is.erase(others.is.begin() + static_cast<std::ptrdiff_t>(at));
    if (missing(rows_of(is, others.is), rows_of(was, others.was)) == 0) {
      if (only) {
        return std::nullopt;
      }
      only = was.columns[common.was[at]];
    }
  }
  return only;
}

void lost_of_table(const std::string& name, const TableContent& was, const TableContent& is,
                   std::string_view by, std::vector<std::string>& lost) {
  CommonColumns common;
  const std::size_t before = lost.size();
  for (std::size_t at = 0; at < was.columns.size(); ++at) {
    const auto there = position(is, was.columns[at]);
    if (!there || missing(rows_of(is, {*there}), rows_of(was, {at})) > 0) {
      lost.push_back(fmt::format("content of {}.{}, by the {}", name, was.columns[at], by));
      continue;
    }
    common.was.push_back(at);
    common.is.push_back(*there);
  }
  if (was.columns.size() > 1 && lost.size() - before == was.columns.size()) {
    lost.resize(before);
    lost.push_back(fmt::format("rows of {}, by the {}", name, by));
  } else if (lost.size() == before) {
    if (missing(rows_of(is, common.is), rows_of(was, common.was)) > 0) {
      const auto column = only_difference(was, is, common);
      lost.push_back(
          column ? fmt::format("content of {}.{}, by the {}", name, *column, by)
                 : fmt::format("rows of {} are no longer what they were, by the {}", name, by));
    }
  }
}

std::vector<std::string> lost_content(const ShadowContent& was, const ShadowContent& is,
                                      std::string_view by) {
  std::vector<std::string> lost;
  for (const auto& [name, table] : was) {
    if (table.rows.empty()) {
      continue;
    }
    const auto there = is.find(name);
    if (there == is.end() || there->second.rows.empty()) {
      lost.push_back(fmt::format("rows of {}, by the {}", name, by));
    } else {
      lost_of_table(name, table, there->second, by, lost);
    }
  }
  return lost;
}

// Whether `object` ("column public.users.email") belongs to a table ("public.users").
bool is_about(const std::string& object, const std::string& table) {
  const auto at = object.find(' ');
  if (at == std::string::npos || object.compare(at + 1, table.size(), table) != 0) {
    return false;
  }
  const std::size_t end = at + 1 + table.size();
  return end == object.size() || object[end] == '.';
}

bool touched(const MigrationTrial& trial, const std::string& table) {
  const auto& was = trial.before.catalog.objects;
  const auto& is = trial.after_up.catalog.objects;
  const auto changes = [&](const auto& from, const auto& to) {
    return std::any_of(from.begin(), from.end(), [&](const auto& object) {
      const auto other = to.find(object.first);
      return is_about(object.first, table) && (other == to.end() || other->second != object.second);
    });
  };
  return trial.changes_rows || changes(was, is) || changes(is, was);
}

// By the inspector, where the rows of the trial saw nothing.
UnseenLosses told_losses(const MigrationTrial& trial, const std::vector<std::string>& seen) {
  UnseenLosses told =
      unseen_losses(trial.up_loses, trial.before.catalog, trial.before, trial.left_by_up, "up");
  UnseenLosses by_down = unseen_losses(trial.down_loses, trial.before.catalog, trial.after_up,
                                       trial.after_down.content, "down");
  told.lost.insert(told.lost.end(), by_down.lost.begin(), by_down.lost.end());
  told.blind.insert(told.blind.end(), by_down.blind.begin(), by_down.blind.end());
  std::erase_if(told.lost, [&](const std::string& each) {
    return std::any_of(seen.begin(), seen.end(),
                       [&](const std::string& other) { return each.starts_with(other); });
  });
  if (trial.unknown) {
    for (const TrialStage* stage : {&trial.before, &trial.after_up}) {
      const auto blind = columns_without_difference(stage->content);
      told.blind.insert(told.blind.end(), blind.begin(), blind.end());
    }
  }
  return told;
}

std::vector<std::string> moved_columns(const SchemaCatalog& was, const SchemaCatalog& is) {
  std::vector<std::string> notes;
  for (const auto& [table, order] : was.column_order) {
    const auto now = is.column_order.find(table);
    if (now != is.column_order.end() && now->second != order) {
      notes.push_back(fmt::format("the columns of {} come back as {}; they were {}", table,
                                  now->second, order));
    }
  }
  return notes;
}

MigrationProof verdict(Reversibility result, std::vector<std::string> what) {
  if (what.size() > kMostNamed) {
    const std::size_t more = what.size() - kMostNamed + 1;
    what.resize(kMostNamed - 1);
    what.push_back(fmt::format("and {} more", more));
  }
  return {.result = result, .what = std::move(what)};
}

}  // namespace

MigrationProof judge(const MigrationTrial& trial) {
  std::vector<std::string> differ =
      differences(trial.before.catalog, trial.after_down.catalog, "down");
  if (differ.empty() && !trial.again_failed.empty()) {
    differ = {"up fails after down on a shadow: " + trial.again_failed};
  }
  if (differ.empty()) {
    differ = differences(trial.after_up.catalog, trial.after_again.catalog, "the second up");
  }
  if (!differ.empty()) {
    return verdict(Reversibility::kIrreversible, std::move(differ));
  }
  std::vector<std::string> lost =
      lost_content(trial.before.content, trial.after_down.content, "up");
  const std::vector<std::string> by_down =
      lost_content(trial.after_up.content, trial.after_again.content, "down");
  lost.insert(lost.end(), by_down.begin(), by_down.end());
  const UnseenLosses told = told_losses(trial, lost);
  for (const std::string& each : told.lost) {
    lost.push_back("by the inspector: " + each);
  }
  if (!lost.empty()) {
    return verdict(Reversibility::kLossy, std::move(lost));
  }
  std::vector<std::string> blind;
  for (const auto& [table, why] : trial.unseeded) {
    if (touched(trial, table)) {
      blind.push_back(
          fmt::format("no row could be put into {} to see what becomes of it: {}", table, why));
    }
  }
  const std::set<std::string> columns(told.blind.begin(), told.blind.end());
  for (const std::string& column : columns) {
    blind.push_back(fmt::format(
        "{} holds one and the same in every row that could be made, so that what becomes of it was "
        "not seen",
        column));
  }
  if (!blind.empty()) {
    return verdict(Reversibility::kUnproven, std::move(blind));
  }
  return verdict(Reversibility::kLossless,
                 moved_columns(trial.before.catalog, trial.after_down.catalog));
}

std::optional<ProofHold> proof_hold(const MigrationPolicy& policy,
                                    const std::vector<MigrationProof>& proofs,
                                    const std::optional<MigrationApproval>& approval) {
  if (policy.proof != ProofPolicy::kRequire) {
    return std::nullopt;
  }
  for (std::size_t at = 0; at < proofs.size(); ++at) {
    const MigrationProof& proof = proofs[at];
    const bool proven =
        proof.result == Reversibility::kLossless || proof.result == Reversibility::kLossy;
    if (proven || (approval && approval->version == proof.version)) {
      continue;
    }
    return ProofHold{
        at,
        {"NotReversible",
         fmt::format("migration {} is {}: {}; mend its down, or write approval: {{version: {}}} to "
                     "apply it all the same",
                     proof.version, to_string(proof.result), fmt::join(proof.what, "; "),
                     proof.version)}};
  }
  return std::nullopt;
}

}  // namespace ripcord
