// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/flag_claims.h"

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
  if (same_place) {  // the key's text stays where it is: by_key_ looks at it
    held.wanted.value = std::move(claim.wanted.value);
    held.wanted.variant = std::move(claim.wanted.variant);
    held.wanted.reason = std::move(claim.wanted.reason);
  } else {
    held.wanted = std::move(claim.wanted);
    join(node);
  }
  const Node* first = by_key_.at(held.wanted.key);
  const ObjectKey winner = first->first;
  const bool won = first == &node;
  if (won && changed) {
    table_.set(held.wanted);
    held.decision = decision;
  }
  return {won, winner};
}

bool FlagClaims::ranks_before(const Node& a, const Node& b) {
  return std::tie(a.second.created, a.first) < std::tie(b.second.created, b.first);
}

void FlagClaims::join(Node& node) {
  const auto [at, alone] = by_key_.try_emplace(node.second.wanted.key, &node);
  if (alone) {
    return;
  }
  Node* before = at->second;
  if (ranks_before(node, *before)) {
    by_key_.erase(at);
    node.second.next = before;
    by_key_.emplace(node.second.wanted.key, &node);
    return;
  }
  while (before->second.next != nullptr && !ranks_before(node, *before->second.next)) {
    before = before->second.next;
  }
  node.second.next = std::exchange(before->second.next, &node);
}

FlagClaims::Node* FlagClaims::leave(Node& node) {
  const auto at = by_key_.find(node.second.wanted.key);
  Node* first = at->second;
  if (first == &node) {
    by_key_.erase(at);
    first = node.second.next;
    if (first != nullptr) {
      by_key_.emplace(first->second.wanted.key, first);
    }
    return first;
  }
  Node* before = first;
  while (before->second.next != &node) {
    before = before->second.next;
  }
  before->second.next = node.second.next;
  return first;
}

void FlagClaims::reassert(const ObjectKey& owner) {
  const MutexLock lock(mutex_);
  const auto found = held_.find(owner);
  if (found != held_.end() && by_key_.at(found->second.wanted.key) == &*found) {
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
  const bool was_served = by_key_.at(key) == &*found;
  const Node* first = leave(*found);
  held_.erase(found);
  if (first == nullptr) {
    table_.remove(key);
  } else if (was_served) {
    table_.set(first->second.wanted);
  }
}

}  // namespace ripcord
