// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/reference_follower.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace ripcord {

struct ReferenceFollower::Followed {
  // How long to wait before this change is looked at. It is asked for every change, also while one
  // is waited for: the queue merges them.
  Duration wait(MonoTime now, const ReferenceLimits& limits) {
    if (look <= now) {
      paid = std::max(paid, now) + limits.pace;
      look = std::max(now, paid - limits.at_once * limits.pace);
    }
    return look - now;
  }

  std::set<ObjectKey> owners;
  MonoTime paid{};  // the looks so far, one after the other at their pace, last until then
  MonoTime look{};  // the newest
  std::atomic<bool> ended = false;
  std::jthread thread;  // last: joined before the rest is gone
};

ReferenceFollower::ReferenceFollower(ReferenceSource& source, LookAgain look_again,
                                     const Clock& clock, Logger log, ReferenceLimits limits)
    : source_(source),
      look_again_(std::move(look_again)),
      clock_(clock),
      log_(std::move(log)),
      limits_(limits) {}

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
  if (followed_.size() >= limits_.followed) {
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
  Duration wait{};
  {
    const MutexLock lock(mutex_);
    if (const auto at = followed_.find(reference); at != followed_.end()) {
      owners = at->second->owners;
      wait = at->second->wait(clock_.now(), limits_);
    }
  }
  for (const ObjectKey& owner : owners) {
    look_again_(owner, reference, wait);
  }
}

}  // namespace ripcord
