// SPDX-License-Identifier: Apache-2.0
#include "controller/model/sql_effects.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace ripcord {
namespace {

void add(std::string& text, const std::string& part) {
  text += (text.empty() ? "" : "; ") + part;
}

std::string lock_text(const TakenLock& lock) {
  static constexpr std::array kWork = {"", " for a scan", " for a rewrite"};
  return fmt::format("{} on {}{}", to_string(lock.mode), lock.relation,
                     kWork[static_cast<std::size_t>(lock.work)]);
}

}  // namespace

std::string_view to_string(LockMode mode) {
  static constexpr std::array<std::string_view, 8> kNames = {
      "ACCESS SHARE", "ROW SHARE",           "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE",
      "SHARE",        "SHARE ROW EXCLUSIVE", "EXCLUSIVE",     "ACCESS EXCLUSIVE"};
  return kNames[static_cast<std::size_t>(mode)];
}

std::string to_string(const DataLoss& loss) {
  switch (loss.what) {
    case DataLoss::What::kRows:
      return "rows of " + loss.relation;
    case DataLoss::What::kColumn:
      return fmt::format("column {}.{}", loss.relation, loss.column);
    case DataLoss::What::kTable:
      return "table " + loss.relation;
    case DataLoss::What::kSequence:
      return "where sequence " + loss.relation + " stands";
    case DataLoss::What::kSchema:
      return "schema " + loss.relation;
    case DataLoss::What::kDatabase:
      return "database " + loss.relation;
    case DataLoss::What::kOther:
      break;
  }
  return loss.relation;
}

void add_loss(std::vector<DataLoss>& losses, DataLoss loss) {
  const auto same = std::find_if(losses.begin(), losses.end(), [&](const DataLoss& each) {
    return each.what == loss.what && each.relation == loss.relation && each.column == loss.column;
  });
  if (same == losses.end()) {
    losses.push_back(std::move(loss));
    return;
  }
  for (std::string& column : loss.overwrites) {
    auto& all = same->overwrites;
    if (std::find(all.begin(), all.end(), column) == all.end()) {
      all.push_back(std::move(column));
    }
  }
  same->keeps_rows = same->keeps_rows && loss.keeps_rows;
  same->cascades = same->cascades || loss.cascades;
  if (same->where != loss.where) {
    same->where.reset();
  }
}

bool blocks(const TakenLock& lock) {
  return lock.mode == LockMode::kAccessExclusive ||
         (lock.mode >= LockMode::kShare && lock.work != TableWork::kNone);
}

std::string describe(const SqlEffects& effects) {
  std::string text;
  if (!effects.unknown.empty()) {
    add(text, "unknown: " + effects.unknown);
  }
  std::string lost;
  for (const DataLoss& loss : effects.loses) {
    lost += (lost.empty() ? "loses " : ", ") + to_string(loss);
    lost += loss.cascades ? " and of every table that refers to it" : "";
  }
  if (!lost.empty()) {
    add(text, lost);
  }
  if (!effects.breaks_previous.empty()) {
    add(text, "the previous release breaks: " + effects.breaks_previous);
  }
  for (const TakenLock& lock : effects.locks) {
    add(text, lock_text(lock));
  }
  if (effects.additive) {
    add(text, "only adds");
  }
  return text.empty() ? "harmless" : text;
}

}  // namespace ripcord
