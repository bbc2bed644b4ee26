// SPDX-License-Identifier: Apache-2.0
#include "adapters/ofrep/flag_table.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace ripcord::ofrep {
namespace {

// Where the flag of this key is among flags in the order of their keys, or would be.
auto place_of(std::string_view key, const std::vector<FlagAnswerPtr>& flags) {
  return std::ranges::lower_bound(
      flags, key, {}, [](const FlagAnswerPtr& flag) { return std::string_view(flag->key); });
}

}  // namespace

FlagTable::FlagTable() : shards_(std::make_unique<std::array<Shard, kShards>>()) {}

void FlagTable::set(FlagAnswerPtr answer) {
  replace(answer->key, answer);
}

void FlagTable::remove(const std::string& key) {
  replace(key, nullptr);
}

void FlagTable::replace(std::string_view key, const FlagAnswerPtr& flag) {
  Shard& shard = shard_of(key);
  const MutexLock writing(shard.write);
  const std::shared_ptr<const Flags> before = read(shard);
  const auto at = place_of(key, *before);
  const bool known = at != before->end() && (*at)->key == key;
  auto changed = std::make_shared<Flags>();
  changed->reserve(before->size() + (flag && !known ? 1 : 0));
  changed->assign(before->begin(), at);
  if (flag) {
    changed->push_back(flag);
  }
  changed->insert(changed->end(), known ? std::next(at) : at, before->end());
  std::shared_ptr<const Flags> retired = std::move(changed);
  {
    const MutexLock lock(shard.swap);
    shard.flags.swap(retired);
  }
  revision_.fetch_add(1, std::memory_order_acq_rel);
}

FlagAnswerPtr FlagTable::find(const std::string& key) const {
  const auto flags = read(shard_of(key));
  const auto at = place_of(key, *flags);
  return at != flags->end() && (*at)->key == key ? *at : nullptr;
}

std::vector<FlagAnswerPtr> FlagTable::all() const {
  std::vector<FlagAnswerPtr> all;
  for (const Shard& shard : *shards_) {
    const auto flags = read(shard);
    all.insert(all.end(), flags->begin(), flags->end());
  }
  std::ranges::sort(all, {}, [](const FlagAnswerPtr& flag) { return std::string_view(flag->key); });
  return all;
}

std::shared_ptr<const FlagTable::Flags> FlagTable::read(const Shard& shard) {
  const MutexLock lock(shard.swap);
  return shard.flags;
}

FlagTable::Shard& FlagTable::shard_of(std::string_view key) const {
  return (*shards_)[std::hash<std::string_view>{}(key) % kShards];
}

}  // namespace ripcord::ofrep
