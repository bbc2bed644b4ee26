// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/flag_claims.h"

#include <algorithm>
#include <tuple>
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
  Node& node = *held_.try_emplace(claim.owner).first;
  Held& held = node.second;
  const bool changed = !same_place || held.wanted != claim.wanted;
  held.created = claim.created;
  held.wanted = std::move(claim.wanted);
  Claimants& claimants = by_key_[held.wanted.key];
  if (!same_place) {
    claimants.insert(std::ranges::upper_bound(claimants, &node, ranks_before), &node);
  }
  const ObjectKey winner = claimants.front()->first;
  const bool won = claimants.front() == &node;
  if (won && changed) {
    table_.set(held.wanted);
    held.decision = decision;
  }
  return {won, winner};
}

bool FlagClaims::ranks_before(const Node* a, const Node* b) {
  return std::tie(a->second.created, a->first) < std::tie(b->second.created, b->first);
}

void FlagClaims::reassert(const ObjectKey& owner) {
  const MutexLock lock(mutex_);
  const auto found = held_.find(owner);
  if (found != held_.end() && by_key_[found->second.wanted.key].front() == &*found) {
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

std::size_t FlagClaims::served() const {
  const MutexLock lock(mutex_);
  return by_key_.size();
}

void FlagClaims::release_locked(const ObjectKey& owner) {
  const auto found = held_.find(owner);
  if (found == held_.end()) {
    return;
  }
  const std::string key = found->second.wanted.key;
  Claimants& claimants = by_key_[key];
  const bool was_served = claimants.front() == &*found;
  std::erase(claimants, &*found);
  held_.erase(found);
  if (claimants.empty()) {
    by_key_.erase(key);
    table_.remove(key);
  } else if (was_served) {
    table_.set(claimants.front()->second.wanted);
  }
}

}  // namespace ripcord
