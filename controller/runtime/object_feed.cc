// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/object_feed.h"

#include <algorithm>
#include <exception>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

namespace ripcord {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(500);
constexpr Duration kFirstRetry = std::chrono::milliseconds(100);
constexpr Duration kLastRetry = std::chrono::seconds(10);

// FNV-1a, with the length in front, so that no two lists of texts run together.
class Fingerprint {
 public:
  void add(std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) {
      add_byte(static_cast<unsigned char>(number >> static_cast<unsigned>(shift)));
    }
  }
  void add(std::string_view text) {
    add(text.size());
    for (const char c : text) {
      add_byte(static_cast<unsigned char>(c));
    }
  }
  void add(const std::map<std::string, std::string>& texts) {
    add(texts.size());
    for (const auto& [key, value] : texts) {
      add(key);
      add(value);
    }
  }
  std::uint64_t value() const { return value_; }

 private:
  void add_byte(unsigned char byte) { value_ = (value_ ^ byte) * 1099511628211U; }
  std::uint64_t value_ = 14695981039346656037U;
};

}  // namespace

void ObjectFeed::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    alive();
    Status status;
    try {
      status = listed_ ? watch_once(stop) : list_once();
    } catch (const std::exception& e) {
      status = Status(StatusCode::kInternal, std::string("the store threw: ") + e.what());
    }
    if (stop.stop_requested()) {
      return;
    }
    note(status);
    if (status.ok()) {
      failures_ = 0;
      continue;
    }
    if (status.code() == StatusCode::kExpired) {
      listed_ = false;
    }
    const int doublings = std::min(failures_++, 10);
    // The first retry is at once: an expired watch is no fault of anybody.
    if (doublings > 0) {
      clock_.sleep_for(std::min(kFirstRetry * (1 << (doublings - 1)), kLastRetry), stop);
    }
  }
}

// Of everything that a reconcile could act on. That two versions of one object share 64 bits by
// chance is less likely than that the machine errs; the generation is compared besides.
ObjectFeed::Seen ObjectFeed::seen(const Resource& object) {
  const Metadata& meta = object.meta;
  Fingerprint intent;
  intent.add(meta.uid);
  intent.add(static_cast<std::uint64_t>(
      meta.deletion_timestamp ? meta.deletion_timestamp->time_since_epoch().count() : 0));
  intent.add(meta.labels);
  intent.add(meta.annotations);
  intent.add(meta.finalizers.size());
  for (const std::string& finalizer : meta.finalizers) {
    intent.add(finalizer);
  }
  return {meta.generation, intent.value()};
}

ObjectFeed::State ObjectFeed::state() const {
  MutexLock lock(mutex_);
  State state = state_;
  state.objects = known_.size();
  return state;
}

std::vector<std::pair<ObjectKey, std::int64_t>> ObjectFeed::known() const {
  MutexLock lock(mutex_);
  std::vector<std::pair<ObjectKey, std::int64_t>> all;
  all.reserve(known_.size());
  for (const auto& [key, seen] : known_) {
    all.emplace_back(key, seen.generation);
  }
  return all;
}

bool ObjectFeed::knows(const ObjectKey& key) const {
  MutexLock lock(mutex_);
  return known_.contains(key);
}

std::optional<MonoTime> ObjectFeed::take_changed(const ObjectKey& key) {
  MutexLock lock(mutex_);
  const auto found = changed_.find(key);
  if (found == changed_.end()) {
    return std::nullopt;
  }
  const MonoTime at = found->second;
  changed_.erase(found);
  return at;
}

Status ObjectFeed::list_once() {
  std::unordered_map<ObjectKey, Seen> fresh;
  std::vector<std::pair<ObjectKey, std::int64_t>> changed;
  const auto look = [&](const ResourcePtr& object) {
    const Seen now = seen(*object);
    MutexLock lock(mutex_);
    const auto old = known_.find(object->key());
    if (old == known_.end() || old->second != now) {
      changed.emplace_back(object->key(), object->meta.generation);
    }
    fresh.insert_or_assign(object->key(), now);
  };
  ASSIGN_OR_RETURN(const std::int64_t version, store_.each(kind_, look));
  bool first = false;
  {
    MutexLock lock(mutex_);
    first = !state_.synced;
    for (const auto& [key, before] : known_) {
      if (!fresh.contains(key)) {
        changed.emplace_back(key, 0);
      }
    }
    known_ = std::move(fresh);
  }
  for (const auto& [key, generation] : changed) {
    queue_.add(key, first ? Priority::kLow : Priority::kHigh, generation);
  }
  version_ = version;
  listed_ = true;
  MutexLock lock(mutex_);
  state_.synced = true;
  return ok_status();
}

Status ObjectFeed::watch_once(std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ObjectWatch> watch, store_.watch(kind_, version_));
  note(ok_status());
  while (!stop.stop_requested()) {
    alive();
    queue_.publish_gauges();
    const Result<WatchEvent> event = watch->next(kTick, stop);
    if (event) {
      failures_ = 0;
      take(*event);
    } else if (event.error().code() == StatusCode::kDeadlineExceeded) {
      failures_ = 0;
    } else {
      return event.error();
    }
  }
  return ok_status();
}

void ObjectFeed::take(const WatchEvent& event) {
  const ObjectKey key = event.object->key();
  version_ = event.object->meta.resource_version;
  const bool deleted = event.type == WatchEvent::Type::kDeleted;
  {
    MutexLock lock(mutex_);
    if (deleted) {
      known_.erase(key);
    } else {
      const Seen now = seen(*event.object);
      const auto [known, fresh] = known_.try_emplace(key, now);
      if (!fresh && std::exchange(known->second, now) == now) {
        return;
      }
    }
    changed_.try_emplace(key, event.written.value_or(clock_.now()));
  }
  queue_.add(key, Priority::kHigh, deleted ? 0 : event.object->meta.generation);
}

void ObjectFeed::note(const Status& status) {
  const bool expected = status.ok() || status.code() == StatusCode::kExpired;
  const std::string error = expected ? std::string() : to_string(status);
  bool news = false;
  {
    MutexLock lock(mutex_);
    news = state_.error != error;
    state_.error = error;
  }
  if (news && !expected) {
    log_.warning("cannot list or watch; trying again", {{"error", error}});
  } else if (news) {
    log_.info("listing and watching works again");
  }
}

void ObjectFeed::alive() {
  const MonoTime now = clock_.now();
  MutexLock lock(mutex_);
  state_.seen = now;
}

}  // namespace ripcord
