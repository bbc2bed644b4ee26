// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/migration_proof.h"

#include "controller/base/sha256.h"
#include "controller/policy/proof.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace ripcord {
namespace {

MigrationProof proof_of(const Migration& migration, Reversibility result, std::string why) {
  return {migration.version, result, {std::move(why)}, proof_digest(migration)};
}

std::optional<MigrationProof> known_proof(const std::vector<MigrationProof>& known,
                                          const Migration& migration) {
  const auto found = std::find_if(known.begin(), known.end(), [&](const MigrationProof& proof) {
    return proof.version == migration.version && proof.digest == proof_digest(migration) &&
           proof.result != Reversibility::kUnproven;
  });
  return found == known.end() ? std::nullopt : std::optional(*found);
}

bool writes_rows(const SqlStatement& statement) {
  const std::string_view text = statement.text;
  std::string word(text.substr(0, text.find_first_of(" \t\r\n(\"")));
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const SqlEffects& effects = statement.effects;
  const bool loses_rows =
      std::any_of(effects.loses.begin(), effects.loses.end(),
                  [](const DataLoss& loss) { return loss.what == DataLoss::What::kRows; });
  const bool locks_rows =
      word != "INSERT" && word != "COPY" &&
      std::any_of(effects.locks.begin(), effects.locks.end(),
                  [](const TakenLock& lock) { return lock.mode == LockMode::kRowExclusive; });
  return statement.effect == DataEffect::kUnknown || loses_rows || locks_rows || word == "DO" ||
         word == "UPDATE" || word == "DELETE" || word == "WITH" || word == "TRUNCATE" ||
         word == "MERGE";
}

Result<TrialStage> look(ShadowDatabase& shadow) {
  TrialStage stage;
  ASSIGN_OR_RETURN(stage.catalog, shadow.catalog());
  ASSIGN_OR_RETURN(stage.content, shadow.content());
  return stage;
}

// What a script's failure on the shadow means. A stop or a lost connection says nothing about the
// script.
Result<MigrationProof> failed(const Migration& migration, Reversibility result,
                              std::string_view what, const Status& status) {
  if (status.code() != StatusCode::kFailedPrecondition) {
    return as_return(status);
  }
  if (status.reason() == "ReachesBeyond") {
    result = Reversibility::kUnproven;
  }
  return proof_of(migration, result, fmt::format("{} on a shadow: {}", what, status.message()));
}

void add_effects(const std::vector<SqlStatement>& script, MigrationTrial& trial,
                 std::vector<DataLoss>& loses) {
  for (const SqlStatement& statement : script) {
    trial.changes_rows = trial.changes_rows || writes_rows(statement);
    trial.unknown = trial.unknown || statement.effect == DataEffect::kUnknown ||
                    !statement.effects.unknown.empty();
    for (const DataLoss& loss : statement.effects.loses) {
      loses.push_back(loss);
    }
  }
}

// How the first up went, and on which rows.
struct FirstUp {
  Status ran;
  SeedRows rows = SeedRows::kAll;
};

// An up may refuse the far ends that rows are made of, and lose nothing by that: then once more
// with plain ones. What was done without a transaction cannot be begun again.
Result<FirstUp> run_first_up(ShadowDatabase& shadow, const std::vector<SqlStatement>& up,
                             MigrationTrial& trial, const std::stop_token& stop) {
  const bool at_once = std::none_of(up.begin(), up.end(),
                                    [](const SqlStatement& s) { return s.needs_no_transaction; });
  const SeedRows rows = at_once ? SeedRows::kAll : SeedRows::kPlain;
  ASSIGN_OR_RETURN(trial.unseeded, shadow.seed(rows));
  ASSIGN_OR_RETURN(trial.before, look(shadow));
  const Status ran = shadow.run(up, stop);
  if (ran.code() != StatusCode::kFailedPrecondition || ran.reason() == "ReachesBeyond" ||
      !at_once || !shadow.empty().ok()) {
    return FirstUp{ran, rows};
  }
  ASSIGN_OR_RETURN(trial.unseeded, shadow.seed(SeedRows::kPlain));
  ASSIGN_OR_RETURN(trial.before, look(shadow));
  return FirstUp{shadow.run(up, stop), SeedRows::kPlain};
}

Result<MigrationProof> try_one(ShadowSchema& schema, const MigrationStep& step, bool last,
                               const std::stop_token& stop) {
  const Migration& migration = step.migration;
  if (step.undo.empty()) {
    return proof_of(migration, Reversibility::kIrreversible, "it has no down, or an empty one");
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<ShadowDatabase> shadow,
                   last ? schema.take(stop) : schema.copy(stop));
  MigrationTrial trial;
  add_effects(step.statements, trial, trial.up_loses);
  add_effects(step.undo, trial, trial.down_loses);
  ASSIGN_OR_RETURN(const FirstUp first, run_first_up(*shadow, step.statements, trial, stop));
  if (!first.ran.ok()) {
    return failed(migration, Reversibility::kUnproven, "up fails", first.ran);
  }
  ASSIGN_OR_RETURN(trial.left_by_up, shadow->content());
  // What is written since the up is of the usual size.
  ASSIGN_OR_RETURN(auto unseeded, shadow->seed(first.rows == SeedRows::kAll ? SeedRows::kNulls
                                                                            : SeedRows::kPlain));
  trial.unseeded.merge(std::move(unseeded));
  ASSIGN_OR_RETURN(trial.after_up, look(*shadow));
  if (const Status down = shadow->run(step.undo, stop); !down.ok()) {
    return failed(migration, Reversibility::kIrreversible, "down fails", down);
  }
  ASSIGN_OR_RETURN(trial.after_down, look(*shadow));
  const Status again = shadow->run(step.statements, stop);
  if (again.ok()) {
    ASSIGN_OR_RETURN(trial.after_again, look(*shadow));
  } else if (again.code() != StatusCode::kFailedPrecondition) {
    return as_return(again);
  }
  trial.again_failed = again.message();
  MigrationProof proof = judge(trial);
  proof.version = migration.version;
  proof.digest = proof_digest(migration);
  return proof;
}

}  // namespace

std::string proof_digest(const Migration& migration) {
  return sha256_hex(migration.up.value_or("") + '\0' + migration.down.value_or(""));
}

Result<std::vector<MigrationProof>> prove(ShadowDatabases& shadows, const DatabaseRef& target,
                                          const MigrationPolicy& policy,
                                          const std::vector<MigrationStep>& steps,
                                          const std::vector<MigrationProof>& known,
                                          std::stop_token stop) {
  std::vector<MigrationProof> proofs;
  bool all_known = true;
  std::vector<const MigrationStep*> ups;
  for (const MigrationStep& step : steps) {
    if (step.direction == Direction::kUp) {
      ups.push_back(&step);
      const auto proof = known_proof(known, step.migration);
      all_known = all_known && proof;
      proofs.push_back(proof.value_or(MigrationProof{}));
    }
  }
  if (all_known) {
    return proofs;
  }
  std::optional<DatabaseRef> elsewhere;
  if (!policy.shadow_url_env.empty() || !policy.shadow_url_file.empty()) {
    elsewhere = {.engine = target.engine,
                 .url_env = policy.shadow_url_env,
                 .url_file = policy.shadow_url_file};
  }
  auto schema = shadows.make(target, elsewhere, policy.lock_timeout, stop);
  Status blocked = schema ? ok_status() : schema.error();
  const auto may_pass = [&] {
    return policy.proof == ProofPolicy::kRequire &&
           (blocked.code() == StatusCode::kUnavailable ||
            blocked.code() == StatusCode::kDeadlineExceeded ||
            blocked.code() == StatusCode::kResourceExhausted);
  };
  for (std::size_t at = 0; at < ups.size(); ++at) {
    const Migration& migration = ups[at]->migration;
    if (stop.stop_requested()) {
      return error(StatusCode::kCancelled, "stopped between two trials");
    }
    if (blocked.ok() && !known_proof(known, migration)) {
      auto proof = try_one(**schema, *ups[at], at + 1 == ups.size(), stop);
      blocked = proof ? ok_status() : proof.error();
      proofs[at] = proof ? std::move(*proof) : MigrationProof{};
    }
    if (may_pass() || blocked.code() == StatusCode::kCancelled) {
      return as_return(blocked.annotated("proving on a shadow database"));
    }
    if (!blocked.ok() && proofs[at].digest.empty()) {
      proofs[at] = proof_of(migration, Reversibility::kUnproven,
                            "it could not be tried: " + blocked.message());
    }
    if (blocked.ok() && at + 1 < ups.size()) {
      blocked = (*schema)
                    ->advance(ups[at]->statements, stop)
                    .annotated(fmt::format("up of {} on the shadow", migration.version));
    }
  }
  return proofs;
}

}  // namespace ripcord
