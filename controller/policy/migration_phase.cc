// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/migration_phase.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr std::size_t kShown = 80;  // characters of a statement
constexpr std::size_t kMostNamed = 20;

std::string shown(const SqlStatement& statement) {
  std::string text = statement.text.substr(0, statement.text.find('\n'));
  if (text.size() > kShown) {
    std::size_t cut = kShown;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) {
      --cut;
    }
    text.resize(cut);
  }
  return text.size() < statement.text.size() ? text + " ..." : text;
}

// Why the statement is more than an addition; empty when it is none.
std::string more_than_adds(const SqlEffects& effects) {
  if (effects.additive || effects.neutral) {
    return "";
  }
  if (!effects.unknown.empty()) {
    return "it cannot be told what it does: " + effects.unknown;
  }
  if (!effects.loses.empty()) {
    return "it loses " + to_string(effects.loses.front());
  }
  if (!effects.breaks_previous.empty()) {
    return "it breaks the previous release: " + effects.breaks_previous;
  }
  return "it changes something that is there";
}

}  // namespace

Result<std::optional<MigrationPhase>> declared_phase(const std::vector<PhaseMark>& marks) {
  std::optional<MigrationPhase> declared;
  for (const PhaseMark& mark : marks) {
    const std::optional<MigrationPhase> phase = phase_named(mark.word);
    if (!phase) {
      return error(StatusCode::kInvalidArgument,
                   fmt::format("line {}: `-- {} {}` names no phase; write `-- {} Expand` or `-- {} "
                               "Contract`",
                               mark.line, kPhaseMark, mark.word, kPhaseMark, kPhaseMark),
                   "BadPhase");
    }
    if (declared && declared != phase) {
      return error(StatusCode::kInvalidArgument,
                   fmt::format("line {}: the phase was declared {} above; a migration has one: "
                               "split it in two",
                               mark.line, to_string(*declared)),
                   "BadPhase");
    }
    declared = phase;
  }
  return declared;
}

std::optional<MigrationPhase> inferred_phase(const std::vector<SqlStatement>& statements) {
  bool adds = false;
  bool only_adds = true;
  for (const SqlStatement& statement : statements) {
    const SqlEffects& effects = statement.effects;
    if (!effects.loses.empty() || !effects.breaks_previous.empty()) {
      return MigrationPhase::kContract;
    }
    adds = adds || effects.additive;
    only_adds = only_adds && (effects.additive || effects.neutral);
  }
  return adds && only_adds ? std::optional(MigrationPhase::kExpand) : std::nullopt;
}

std::optional<ExpandFault> expand_fault(const std::vector<SqlStatement>& statements) {
  for (const SqlStatement& statement : statements) {
    if (const std::string why = more_than_adds(statement.effects); !why.empty()) {
      return ExpandFault{
          "NotAdditive", statement.line,
          fmt::format("declared Expand, but `{}` does more than add: {}. Move it into a migration "
                      "of its own that says `-- {} Contract`, or leave the declaration out",
                      shown(statement), why, kPhaseMark)};
    }
    if (!statement.effects.once.empty()) {
      return ExpandFault{
          "NotIdempotent", statement.line,
          fmt::format("declared Expand, but `{}` cannot be run a second time: {}, or leave the "
                      "declaration out",
                      shown(statement), statement.effects.once)};
    }
  }
  return std::nullopt;
}

std::string what_it_removes(const std::vector<SqlStatement>& statements) {
  std::string text;
  std::size_t count = 0;
  const auto add = [&](const std::string& what) {
    if (++count <= kMostNamed) {
      text += (text.empty() ? "" : ", ") + what;
    }
  };
  for (const SqlStatement& statement : statements) {
    const SqlEffects& effects = statement.effects;
    for (const DataLoss& loss : effects.loses) {
      add(to_string(loss));
    }
    if (effects.loses.empty() && !effects.breaks_previous.empty()) {
      add(fmt::format("`{}` ({})", shown(statement), effects.breaks_previous));
    }
    if (!effects.unknown.empty()) {
      add(fmt::format("`{}` (unknown: {})", shown(statement), effects.unknown));
    }
  }
  return count > kMostNamed ? text + " and more" : text;
}

}  // namespace ripcord
