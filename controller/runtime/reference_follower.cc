// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/reference_follower.h"

#include <atomic>
#include <utility>

namespace ripcord {

struct ReferenceFollower::Followed {
  std::set<ObjectKey> owners;
  std::atomic<bool> ended = false;
  std::jthread thread;  // last: joined before the rest is gone
};

ReferenceFollower::ReferenceFollower(ReferenceSource& source, LookAgain look_again, Logger log,
                                     std::size_t limit)
    : source_(source), look_again_(std::move(look_again)), log_(std::move(log)), limit_(limit) {}

ReferenceFollower::~ReferenceFollower() {
  stop();
}

void ReferenceFollower::follow(const ObjectKey& owner, std::set<Reference> references) {
  const MutexLock lock(mutex_);
  std::erase_if(ending_, [](const auto& each) { return each->ended.load(); });
  const auto known = named_.find(owner);
  if (stopped_ || (known == named_.end() ? references.empty() : known->second == references)) {
    return;
  }
  std::set<Reference>& named = named_[owner];
  for (const Reference& reference : references) {
    if (!named.contains(reference)) {
      add(owner, reference);
    }
  }
  for (const Reference& reference : named) {
    if (!references.contains(reference)) {
      drop(owner, reference);
    }
  }
  if (references.empty()) {
    named_.erase(owner);
  } else {
    named = std::move(references);
  }
}

void ReferenceFollower::stop() {
  std::map<Reference, std::unique_ptr<Followed>> followed;
  std::vector<std::unique_ptr<Followed>> ending;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    followed.swap(followed_);
    ending.swap(ending_);
    named_.clear();
  }
  for (const auto& [reference, each] : followed) {
    each->thread.request_stop();  // all at once, before the first is waited for
  }
}

void ReferenceFollower::add(const ObjectKey& owner, const Reference& reference) {
  if (const auto at = followed_.find(reference); at != followed_.end()) {
    at->second->owners.insert(owner);
    return;
  }
  if (followed_.size() >= limit_) {
    log_.warning("too many references to follow; changes of this one are seen at the next resync",
                 {{"namespace", reference.ns}, {"name", reference.name}});
    return;
  }
  auto& followed = followed_[reference];
  followed = std::make_unique<Followed>();
  followed->owners.insert(owner);
  followed->thread =
      std::jthread([this, reference, &ended = followed->ended](const std::stop_token& stop) {
        source_.follow(
            reference, [&] { changed(reference); }, stop);
        ended = true;
      });
}

void ReferenceFollower::drop(const ObjectKey& owner, const Reference& reference) {
  const auto at = followed_.find(reference);
  if (at == followed_.end()) {
    return;
  }
  at->second->owners.erase(owner);
  if (at->second->owners.empty()) {
    at->second->thread.request_stop();
    ending_.push_back(std::move(at->second));
    followed_.erase(at);
  }
}

void ReferenceFollower::changed(const Reference& reference) {
  std::set<ObjectKey> owners;
  {
    const MutexLock lock(mutex_);
    if (const auto at = followed_.find(reference); at != followed_.end()) {
      owners = at->second->owners;
    }
  }
  for (const ObjectKey& owner : owners) {
    look_again_(owner);
  }
}

}  // namespace ripcord
