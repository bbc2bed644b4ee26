// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/at_risk.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr std::size_t kShown = 10;
constexpr std::size_t kMaxFileName = 120;

std::string_view kind_of(DataLoss::What what) {
  switch (what) {
    case DataLoss::What::kRows:
      return "rows";
    case DataLoss::What::kColumn:
      return "column";
    case DataLoss::What::kTable:
      return "table";
    case DataLoss::What::kSequence:
      return "sequence";
    case DataLoss::What::kSchema:
      return "schema";
    case DataLoss::What::kDatabase:
    case DataLoss::What::kOther:
      break;
  }
  return "";
}

// Plain in every file system and shell.
std::string file_of(std::size_t number, const DataLoss& loss, ArchiveFormat format) {
  std::string name = fmt::format("{}-{}{}{}", kind_of(loss.what), loss.relation,
                                 loss.column.empty() ? "" : ".", loss.column);
  for (char& c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80U || (std::isalnum(byte) == 0 && c != '.' && c != '_' && c != '-')) {
      c = '_';
    }
  }
  return fmt::format("{:02}-{}.{}", number, name.substr(0, kMaxFileName),
                     format == ArchiveFormat::kCsv ? "csv" : "bin");
}

// Each thing that the statements destroy, once.
std::vector<DataLoss> losses_in(const std::vector<SqlStatement>& statements) {
  std::vector<DataLoss> found;
  for (const SqlStatement& statement : statements) {
    for (const DataLoss& loss : statement.effects.loses) {
      add_loss(found, loss);
    }
  }
  return found;
}

}  // namespace

std::vector<LossAtRisk> losses_of(const MigrationPath& path) {
  std::vector<LossAtRisk> losses;
  for (const MigrationMove& move : path.moves) {
    if (move.step.direction != Direction::kDown || move.resumed) {
      continue;
    }
    const std::int64_t version = move.step.migration.version;
    for (DataLoss& loss : losses_in(move.step.statements)) {
      if (&move != &path.moves.front()) {
        loss.where.reset();  // what goes before it may change which rows these are
      }
      losses.push_back({version, std::move(loss)});
    }
    for (const SqlStatement& statement : move.step.statements) {
      if (!statement.effects.unknown.empty()) {
        losses.push_back({version, {}, statement.effects.unknown});
      }
    }
  }
  losses.resize(std::min(losses.size(), kMaxAtRisk));
  return losses;
}

std::string describe(const std::vector<DataAtRisk>& at_risk) {
  std::string text;
  for (std::size_t i = 0; i < std::min(at_risk.size(), kShown); ++i) {
    text += (text.empty() ? "At risk: " : "; ") + describe(at_risk[i]);
  }
  return at_risk.size() > kShown ? text + fmt::format("; and {} more", at_risk.size() - kShown)
                                 : text;
}

void order_archives(const ArchivePolicy& policy, const std::string& stem, const MigrationPath& path,
                    MigrationDecision& decision, std::vector<DataAtRisk>& at_risk) {
  for (std::size_t i = 0; i < decision.steps.size() && i < path.moves.size(); ++i) {
    MigrationStep& step = decision.steps[i];
    if (step.direction != Direction::kDown || path.moves[i].resumed) {
      continue;
    }
    ArchiveOrder order{fmt::format("{}-down-{}", stem, step.migration.version), policy.format, {}};
    for (const DataLoss& loss : losses_in(step.statements)) {
      if (kind_of(loss.what).empty()) {
        continue;
      }
      order.items.push_back({loss, file_of(order.items.size() + 1, loss, policy.format)});
      for (DataAtRisk& risk : at_risk) {
        if (risk.version == step.migration.version && risk.what == to_string(loss)) {
          risk.archive = order.folder + "/" + order.items.back().file;
        }
      }
    }
    if (!order.items.empty()) {
      for (DataAtRisk& risk : at_risk) {
        if (risk.version == step.migration.version && is_by_foreign_key(risk)) {
          risk.archive = order.folder;  // the driver names the file
        }
      }
      step.archive = std::move(order);
    }
  }
}

}  // namespace ripcord
