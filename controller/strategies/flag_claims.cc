// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/flag_claims.h"

#include <utility>

namespace ripcord {

FlagClaims::Ruling FlagClaims::claim(FlagClaim claim, Decision decision) {
  const MutexLock lock(mutex_);
  const auto former = held_.find(claim.owner);
  const bool same_place = former != held_.end() && former->second.wanted.key == claim.wanted.key &&
                          former->second.created == claim.created;
  if (former != held_.end() && !same_place) {
    release_locked(claim.owner);
  }
  std::set<Rank>& ranks = by_key_[claim.wanted.key];
  ranks.insert({claim.created, claim.owner});
  Held& held = held_[claim.owner];
  const bool changed = !same_place || held.wanted != claim.wanted;
  held.created = claim.created;
  held.wanted = std::move(claim.wanted);
  const ObjectKey winner = ranks.begin()->owner;
  const bool won = winner == claim.owner;
  if (won && changed) {
    table_.set(held.wanted);
    held.decision = decision;
  }
  return {won, winner};
}

void FlagClaims::reassert(const ObjectKey& owner) {
  const MutexLock lock(mutex_);
  const auto found = held_.find(owner);
  if (found != held_.end() && by_key_[found->second.wanted.key].begin()->owner == owner) {
    table_.set(found->second.wanted);
  }
}

std::optional<FlagClaims::Decision> FlagClaims::take_decision(const ObjectKey& owner) {
  const MutexLock lock(mutex_);
  const auto found = held_.find(owner);
  return found == held_.end() ? std::nullopt : std::exchange(found->second.decision, {});
}

void FlagClaims::release(const ObjectKey& owner) {
  const MutexLock lock(mutex_);
  release_locked(owner);
}

void FlagClaims::release_locked(const ObjectKey& owner) {
  const auto found = held_.find(owner);
  if (found == held_.end()) {
    return;
  }
  const std::string key = found->second.wanted.key;
  std::set<Rank>& ranks = by_key_[key];
  const bool was_served = ranks.begin()->owner == owner;
  ranks.erase({found->second.created, owner});
  held_.erase(found);
  if (ranks.empty()) {
    by_key_.erase(key);
    table_.remove(key);
  } else if (was_served) {
    table_.set(held_.at(ranks.begin()->owner).wanted);
  }
}

}  // namespace ripcord
