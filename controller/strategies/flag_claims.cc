// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/flag_claims.h"

#include <tuple>
#include <utility>

namespace ripcord {

FlagClaims::Ruling FlagClaims::claim(FlagClaim claim, Decision decision) {
  const MutexLock lock(mutex_);
  const auto former = held_.find(claim.owner);
  const bool same_place = former != held_.end() && former->second.wanted->key == claim.wanted.key &&
                          former->second.created == claim.created;
  if (former != held_.end() && !same_place) {
    release_locked(claim.owner);
  }
  Node& node = *held_.try_emplace(claim.owner).first;
  Held& held = node.second;
  const bool changed = !same_place || *held.wanted != claim.wanted;
  if (changed) {
    held.wanted = share(std::move(claim.wanted));
  }
  if (!same_place) {
    held.created = claim.created;
    join(node);
  }
  const Node* first = first_for(held.wanted->key);
  const bool won = first == &node;
  if (won && changed) {
    table_.set(held.wanted);
    held.decision = std::make_unique<Decision>(decision);
  }
  return {won, first->first};
}

bool FlagClaims::ranks_before(const Node& a, const Node& b) {
  return std::tie(a.second.created, a.first) < std::tie(b.second.created, b.first);
}

void FlagClaims::join(Node& node) {
  const auto [at, alone] = first_.insert(&node);
  if (alone) {
    return;
  }
  Node* before = *at;
  if (ranks_before(node, *before)) {
    first_.erase(at);
    node.second.next = before;
    first_.insert(&node);
    return;
  }
  while (before->second.next != nullptr && !ranks_before(node, *before->second.next)) {
    before = before->second.next;
  }
  node.second.next = std::exchange(before->second.next, &node);
}

FlagClaims::Node* FlagClaims::leave(Node& node) {
  Node* first = first_for(node.second.wanted->key);
  if (first == &node) {
    first_.erase(first);
    first = node.second.next;
    if (first != nullptr) {
      first_.insert(first);
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
  if (found != held_.end() && first_for(found->second.wanted->key) == &*found) {
    table_.set(found->second.wanted);
  }
}

std::optional<FlagClaims::Decision> FlagClaims::take_decision(const ObjectKey& owner) {
  const MutexLock lock(mutex_);
  const auto found = held_.find(owner);
  if (found == held_.end() || !found->second.decision) {
    return std::nullopt;
  }
  return *std::exchange(found->second.decision, nullptr);
}

void FlagClaims::release(const ObjectKey& owner) {
  const MutexLock lock(mutex_);
  release_locked(owner);
}

std::size_t FlagClaims::served() const {
  const MutexLock lock(mutex_);
  return first_.size();
}

void FlagClaims::release_locked(const ObjectKey& owner) {
  const auto found = held_.find(owner);
  if (found == held_.end()) {
    return;
  }
  const FlagAnswerPtr was = found->second.wanted;
  const bool was_served = first_for(was->key) == &*found;
  const Node* first = leave(*found);
  held_.erase(found);
  if (first == nullptr) {
    table_.remove(was->key);
  } else if (was_served) {
    table_.set(first->second.wanted);
  }
}

}  // namespace ripcord
