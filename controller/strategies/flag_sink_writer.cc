// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/flag_sink_writer.h"

#include "controller/strategies/flag_metrics.h"

#include <algorithm>
#include <utility>

namespace ripcord {
namespace {

constexpr std::string_view kSink = "configmap";
constexpr std::string_view kStrategy = "feature_flag";
constexpr Duration kFirstRetry = std::chrono::seconds(1);
constexpr Duration kLongest = std::chrono::hours(1);
constexpr int kMostDoublings = 6;

}  // namespace

FlagSinkWriter::FlagSinkWriter(FlagSinkTools tools) : tools_(std::move(tools)) {
  tools_.metrics.declare(metric::kFlagPropagation, {kSink});
}

FlagSinkWriter::~FlagSinkWriter() {
  stop(Duration::zero());
}

void FlagSinkWriter::start() {
  const MutexLock lock(mutex_);
  stopping_ = false;
  ended_ = false;
  thread_ = std::jthread([this] { run(); });
}

bool FlagSinkWriter::stop(Duration bound) {
  const auto deadline = std::chrono::steady_clock::now() + bound;
  const MutexLock lock(mutex_);
  stopping_ = true;
  wake_.notify_all();
  while (!ended_) {
    if (!wake_.wait_until(mutex_, deadline) && !ended_) {
      return false;
    }
  }
  return true;
}

void FlagSinkWriter::want(const ObjectKey& owner, FlagSinkWant want) {
  std::map<FlagFilesPlace, Files> wanted;
  for (const FlagSink& sink : want.former) {
    wanted[{owner.ns, sink.config_map.name}];
  }
  for (const FlagSink& sink : want.sinks) {
    wanted[{owner.ns, sink.config_map.name}][sink.config_map.key] = {want.key, want.entry,
                                                                     want.written};
  }
  const MutexLock lock(mutex_);
  std::set<FlagFilesPlace> former = std::move(named_[owner]);
  named_.erase(owner);
  for (auto& [name, files] : wanted) {
    former.erase(name);
    put(owner, name, std::move(files), !want.written);
    named_[owner].insert(name);
  }
  for (const FlagFilesPlace& name : former) {
    leave(owner, name);
  }
}

void FlagSinkWriter::forget(const ObjectKey& owner) {
  const MutexLock lock(mutex_);
  const auto named = named_.find(owner);
  if (named == named_.end()) {
    return;
  }
  for (const FlagFilesPlace& name : named->second) {
    leave(owner, name);
  }
  named_.erase(named);
}

void FlagSinkWriter::check_all() {
  const MutexLock lock(mutex_);
  for (auto& [name, place] : places_) {
    place.due = {};
  }
  wake_.notify_all();
}

FlagSinkState FlagSinkWriter::state(const ObjectKey& owner) const {
  FlagSinkState worst;
  const MutexLock lock(mutex_);
  const auto named = named_.find(owner);
  if (named == named_.end()) {
    return worst;
  }
  const auto rank = [](const FlagSinkState& state) {
    using Phase = FlagSinkState::Phase;
    return state.phase == Phase::kFailed      ? 3
           : state.phase == Phase::kWriting   ? 2
           : state.phase == Phase::kUnchecked ? 1
                                              : 0;
  };
  for (const FlagFilesPlace& name : named->second) {
    FlagSinkState each = state_of(places_.at(name), owner);
    if (rank(each) > rank(worst)) {
      worst = std::move(each);
    }
  }
  return worst;
}

// Only what differs is a change: every reconcile of a flag comes by here.
void FlagSinkWriter::put(const ObjectKey& owner, const FlagFilesPlace& name, Files files,
                         bool known) {
  Place& place = places_[name];
  Files before;
  for (const auto& [key, owners] : place.files) {
    if (const auto at = owners.find(owner); at != owners.end()) {
      before[key] = at->second;
    }
  }
  const bool same = std::ranges::equal(before, files, [](const auto& a, const auto& b) {
    return a.first == b.first && a.second.key == b.second.key && a.second.entry == b.second.entry;
  });
  if (same && place.changes.contains(owner)) {
    return;
  }
  take_out(place, owner);
  for (auto& [key, entry] : files) {
    place.files[key][owner] = std::move(entry);
  }
  place.changes[owner] = {++place.revision, known};
  place.due = {};
  wake_.notify_all();
}

void FlagSinkWriter::leave(const ObjectKey& owner, const FlagFilesPlace& name) {
  Place& place = places_.at(name);
  place.changes.erase(owner);
  if (take_out(place, owner) || place.changes.empty()) {
    ++place.revision;
    place.due = {};
    wake_.notify_all();
  }
}

// A file without flags stays one, so that it is written as such.
bool FlagSinkWriter::take_out(Place& place, const ObjectKey& owner) {
  std::size_t found = 0;
  for (auto& [key, owners] : place.files) {
    found += owners.erase(owner);
  }
  return found > 0;
}

FlagSinkState FlagSinkWriter::state_of(const Place& place, const ObjectKey& owner) {
  using Phase = FlagSinkState::Phase;
  const Change& change = place.changes.at(owner);
  if (place.result && !place.result->ok()) {
    return {Phase::kFailed, *place.result};
  }
  if (change.revision <= place.done) {
    return {};
  }
  return {change.known && !place.result ? Phase::kUnchecked : Phase::kWriting, {}};
}

void FlagSinkWriter::run() {
  for (;;) {
    std::optional<FlagFilesPlace> due;
    {
      const MutexLock lock(mutex_);
      while (!stopping_ && !(due = next_due())) {
      }
      if (stopping_) {
        ended_ = true;
        wake_.notify_all();
        return;
      }
    }
    write(*due);
  }
}

// What is to be looked at now; nothing after a wait for it.
std::optional<FlagFilesPlace> FlagSinkWriter::next_due() {
  const auto next = std::ranges::min_element(
      places_, {}, [](const auto& item) -> const MonoTime& { return item.second.due; });
  const MonoTime now = tools_.clock.now();
  if (next != places_.end() && next->second.due <= now) {
    return next->first;
  }
  const Duration left =
      next == places_.end() ? kLongest : std::min<Duration>(next->second.due - now, kLongest);
  wake_.wait_until(mutex_, std::chrono::steady_clock::now() + left);
  return std::nullopt;
}

void FlagSinkWriter::write(const FlagFilesPlace& name) {
  std::map<std::string, FlagFile> files;
  std::uint64_t revision = 0;
  {
    const MutexLock lock(mutex_);
    const Place& place = places_.at(name);
    revision = place.revision;
    for (const auto& [key, owners] : place.files) {
      FlagFile& file = files[key];
      for (const auto& [owner, entry] : owners) {
        file[entry.key] = entry.entry;
      }
    }
  }
  settle(name, revision, tools_.files.write(name, files));
}

void FlagSinkWriter::settle(const FlagFilesPlace& name, std::uint64_t revision,
                            const Result<bool>& written) {
  std::vector<ObjectKey> news;
  {
    const MutexLock lock(mutex_);
    if (!written && written.error().code() == StatusCode::kCancelled) {
      stand_by(name);
      return;
    }
    Place& place = places_.at(name);
    std::vector<std::pair<ObjectKey, FlagSinkState>> before;
    for (const auto& [owner, change] : place.changes) {
      before.emplace_back(owner, state_of(place, owner));
    }
    tell(name, place, written);
    if (written) {
      succeeded(place, revision, *written);
    } else {
      place.result = written.error();
      place.failures = std::min(place.failures + 1, kMostDoublings);
      place.due = tools_.clock.now() +
                  std::min<Duration>(kFirstRetry * (1 << (place.failures - 1)), tools_.check_every);
    }
    for (const auto& [owner, state] : before) {
      if (state != state_of(place, owner)) {
        news.push_back(owner);
      }
    }
    if (place.changes.empty() && place.done == place.revision) {
      places_.erase(name);  // nobody names it any more, and it is as it should be left
    }
  }
  for (const ObjectKey& owner : news) {
    tools_.look_again(owner);
  }
}

void FlagSinkWriter::tell(const FlagFilesPlace& name, const Place& place,
                          const Result<bool>& written) {
  const Status result = written ? ok_status() : written.error();
  if (place.result.value_or(ok_status()) == result) {
    return;
  }
  const LogField where{"configMap", name.ns + "/" + name.name};
  if (result.ok()) {
    tools_.log.info("flags are written again", {where});
  } else {
    tools_.log.warning("flags cannot be written; trying again",
                       {where, {"error", to_string(result)}});
  }
}

void FlagSinkWriter::succeeded(Place& place, std::uint64_t revision, bool changed) {
  const bool was_right = place.result && place.result->ok() && place.done == revision;
  if (was_right && changed) {
    tools_.metrics.add(metric::kDriftRepairs, {kStrategy});
  }
  place.result = ok_status();
  place.failures = 0;
  place.done = revision;
  const MonoTime now = tools_.clock.now();
  place.due = place.revision == revision ? now + tools_.check_every : now;
  for (auto& [key, owners] : place.files) {
    for (auto& [owner, entry] : owners) {
      if (entry.written && place.changes.at(owner).revision <= revision) {
        tools_.metrics.observe(metric::kFlagPropagation, {kSink}, to_seconds(now - *entry.written));
        entry.written.reset();
      }
    }
  }
}

// Whoever leads writes it; what it takes there is not ours to measure.
void FlagSinkWriter::stand_by(const FlagFilesPlace& name) {
  Place& place = places_.at(name);
  for (auto& [key, owners] : place.files) {
    for (auto& [owner, entry] : owners) {
      entry.written.reset();
    }
  }
  place.due = tools_.clock.now() + tools_.check_every;
  if (place.changes.empty()) {
    places_.erase(name);
  }
}

}  // namespace ripcord
