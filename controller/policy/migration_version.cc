// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/migration_version.h"

#include "controller/policy/approval.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr std::size_t kShownStatement = 200;  // characters
constexpr std::size_t kShownStatements = 20;

bool down(const MigrationMove& move) {
  return move.step.direction == Direction::kDown;
}

DataEffect effect_of(const MigrationMove& move) {
  if (down(move) && move.step.statements.empty()) {
    return DataEffect::kIrreversible;
  }
  DataEffect worst = DataEffect::kLossless;
  for (const SqlStatement& statement : move.step.statements) {
    worst = std::max(worst, statement.effect);
  }
  return worst;
}

std::string summary_of(const MigrationMove& move) {
  const Migration& migration = move.step.migration;
  if (migration.repeatable) {
    return fmt::format("again {}", migration.up_file);
  }
  std::string text = fmt::format("{} {}{}{}", down(move) ? "down" : "up", migration.version,
                                 migration.name.empty() ? "" : " ", migration.name);
  if (down(move) && !migration.down_file.empty()) {
    text += fmt::format(" (from {}: the database has no record of its undo)", migration.down_file);
  }
  if (move.doubtful) {
    text += " (its up was changed since; the recorded undo may not fit)";
  }
  return move.resumed ? text + " (resumed)" : text;
}

std::string shown(const std::string& statement) {
  if (statement.size() <= kShownStatement) {
    return statement;
  }
  std::size_t cut = kShownStatement;
  while (cut > 0 && (static_cast<unsigned char>(statement[cut]) & 0xC0U) == 0x80U) {
    --cut;
  }
  return statement.substr(0, cut) + " ...";
}

PlannedStep planned(const MigrationMove& move) {
  PlannedStep step{summary_of(move), effect_of(move), {}};
  step.phase = move.phase ? to_string(*move.phase) : "";
  step.note = move.step.put_aside ? "what it drops is put aside under another name first" : "";
  for (const SqlStatement& statement : move.step.statements) {
    step.details.push_back(shown(statement.text));
    step.effects.push_back(describe(statement.effects));
  }
  return step;
}

// "down 3 add_total: ALTER TABLE ...; DROP INDEX ..." for every down, bounded.
std::string what_would_run(const std::vector<PlannedStep>& steps) {
  std::string text;
  std::size_t count = 0;
  for (const PlannedStep& step : steps) {
    text += (text.empty() ? "" : " | ") + step.summary + ":";
    for (const std::string& statement : step.details) {
      if (++count > kShownStatements) {
        return text + " and more";
      }
      text += " " + statement + ";";
    }
  }
  return text;
}

// "column users.email, unknown: it calls purge()", bounded; empty when nothing is named.
std::string what_is_lost(const std::vector<const MigrationMove*>& moves) {
  std::string text;
  std::size_t count = 0;
  const auto add = [&](const std::string& what) {
    if (++count <= kShownStatements) {
      text += (text.empty() ? "" : ", ") + what;
    }
  };
  for (const MigrationMove* move : moves) {
    for (const SqlStatement& statement : move->step.statements) {
      for (const DataLoss& loss : statement.effects.loses) {
        add(to_string(loss));
      }
      if (!statement.effects.unknown.empty()) {
        add("unknown: " + statement.effects.unknown);
      }
    }
  }
  return count > kShownStatements ? text + " and more" : text;
}

std::string labels(const std::vector<const MigrationMove*>& moves) {
  std::string text;
  for (const MigrationMove* move : moves) {
    text += (text.empty() ? "" : ", ") + summary_of(*move);
  }
  return text;
}

class Gates {
 public:
  Gates(const MigrationVersionSpec& spec, const MigrationPath& path, const Plan& plan,
        const std::optional<UsedApproval>& used)
      : spec_(spec), path_(path), plan_(plan), used_(used), target_(path.target.value_or(0)) {
    for (const MigrationMove& move : path.moves) {
      if (down(move) && !move.resumed) {
        downs_.push_back(&move);
      }
    }
  }

  std::optional<Hold> check() const {
    if (downs_.empty()) {
      return std::nullopt;
    }
    if (const auto stuck = with_effect(DataEffect::kIrreversible); !stuck.empty()) {
      return Hold{
          "Irreversible",
          fmt::format("{}: there is no down script, or it holds no statement; write one and "
                      "a later version can go down, or restore a backup",
                      labels(stuck))};
    }
    if (spec_.policy.down == DownPolicy::kForbid) {
      return Hold{"DownForbidden",
                  fmt::format("spec.policy.down is Forbid; set it to Approve or Allow to run: {}",
                              what_would_run(plan_.steps))};
    }
    const auto losing = with_effect(DataEffect::kLossy);
    return losing.empty() ? check_approval() : check_loss(losing);
  }

  bool need_approval() const {
    const bool asked_by_spec =
        spec_.policy.down != DownPolicy::kAllow && path_.trigger != Trigger::kOverride;
    const bool doubtful = std::any_of(downs_.begin(), downs_.end(),
                                      [](const MigrationMove* move) { return move->doubtful; });
    return !downs_.empty() &&
           (asked_by_spec || doubtful || !with_effect(DataEffect::kLossy).empty());
  }

 private:
  std::vector<const MigrationMove*> with_effect(DataEffect at_least) const {
    std::vector<const MigrationMove*> found;
    std::copy_if(downs_.begin(), downs_.end(), std::back_inserter(found),
                 [&](const MigrationMove* move) { return effect_of(*move) >= at_least; });
    return found;
  }

  bool approved() const { return approval_opens(spec_.approval, used_, target_); }
  std::string stale() const { return why_stale(spec_.approval, used_, target_); }

  std::optional<Hold> check_loss(const std::vector<const MigrationMove*>& losing) const {
    const std::string lost = what_is_lost(losing);
    const std::string what = fmt::format(
        "data would be lost, or it is not known that none would, by {}{}{}"
        ". To run: {}",
        labels(losing), lost.empty() ? "" : ": ", lost, what_would_run(plan_.steps));
    if (spec_.policy.data_loss == DataLossPolicy::kForbid) {
      return Hold{
          "DataLossForbidden",
          fmt::format("{} To allow it, set spec.policy.dataLoss: Approve and spec.approval: "
                      "{{version: {}, by: YOU, dataLoss: true}}",
                      what, target_)};
    }
    if (!approved() || !spec_.approval->data_loss) {
      return Hold{"ApprovalRequired",
                  fmt::format("{} Approve it with spec.approval: {{version: {}, by: YOU, dataLoss: "
                              "true}}{}",
                              what, target_, stale())};
    }
    return std::nullopt;
  }

  std::optional<Hold> check_approval() const {
    if (!need_approval() || approved()) {
      return std::nullopt;
    }
    return Hold{
        "ApprovalRequired",
        fmt::format("going down to version {} would run: {} Approve it with spec.approval: "
                    "{{version: {}, by: YOU}}{}",
                    version_text(path_.target), what_would_run(plan_.steps), target_, stale())};
  }

  const MigrationVersionSpec& spec_;
  const MigrationPath& path_;
  const Plan& plan_;
  const std::optional<UsedApproval>& used_;
  std::int64_t target_;
  std::vector<const MigrationMove*> downs_;
};

}  // namespace

const std::string& MigrationMove::script() const {
  static const std::string kNone;
  const std::optional<std::string>& text =
      step.direction == Direction::kUp ? step.migration.up : step.migration.down;
  return text ? *text : kNone;
}

void wait_from(MigrationPath& path, std::size_t at, Hold why) {
  const auto from = path.moves.begin() + static_cast<std::ptrdiff_t>(at);
  path.waiting.insert(path.waiting.begin(), std::make_move_iterator(from),
                      std::make_move_iterator(path.moves.end()));
  path.moves.erase(from, path.moves.end());
  if (path.moves.empty()) {
    path.hold = std::move(why);
  } else {
    path.waits = std::move(why);
  }
}

std::string version_text(const std::optional<std::int64_t>& version) {
  return version ? std::to_string(*version) : "none";
}

MigrationDecision decide_migration(const MigrationVersionSpec& spec, const MigrationPath& path,
                                   const std::optional<UsedApproval>& used) {
  MigrationDecision decision;
  decision.plan.from = version_text(path.from);
  decision.plan.to = version_text(path.target);
  for (const MigrationMove& move : path.moves) {
    decision.plan.steps.push_back(planned(move));
    decision.steps.push_back(move.step);
    decision.goes_down = decision.goes_down || down(move);
  }
  for (const MigrationMove& move : path.waiting) {
    decision.plan.waiting.push_back(planned(move));
  }
  const Gates gates(spec, path, decision.plan, used);
  decision.plan.hold = path.hold ? path.hold : gates.check();
  decision.plan.waits = path.waits;
  decision.uses_approval = !decision.plan.hold && (gates.need_approval() || path.uses_approval);
  return decision;
}

}  // namespace ripcord
