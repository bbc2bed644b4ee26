// SPDX-License-Identifier: Apache-2.0
#include "adapters/ofrep/flag_table.h"

#include "controller/codec/json_text.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace ripcord::ofrep {
namespace {

std::string evaluation_object(const FlagAnswer& answer) {
  std::string body = "{\"key\":" + codec::quote_json(answer.key) +
                     ",\"reason\":" + codec::quote_json(answer.reason);
  // Without a value the client takes its own default; some clients need the variant to be there
  // whenever there is a value.
  if (!answer.value.empty()) {
    body += ",\"value\":" + answer.value + ",\"variant\":" + codec::quote_json(answer.variant);
  }
  return body + ",\"metadata\":{}}";
}

}  // namespace

FlagTable::FlagTable() : shards_(std::make_unique<std::array<Shard, kShards>>()) {}

void FlagTable::set(FlagAnswer answer) {
  std::string body = evaluation_object(answer);
  body.shrink_to_fit();
  const auto flag = std::make_shared<const ServedFlag>(
      ServedFlag{std::move(answer.key), std::move(answer.reason), std::move(body)});
  replace(flag->key, flag);
}

void FlagTable::remove(const std::string& key) {
  replace(key, nullptr);
}

void FlagTable::replace(std::string_view key, const ServedFlagPtr& flag) {
  Shard& shard = shard_of(key);
  const MutexLock writing(shard.write);
  auto changed = std::make_shared<Map>(*read(shard));
  changed->erase(key);  // with the key, which is that of the flag before
  if (flag) {
    changed->emplace(flag->key, flag);
  }
  std::shared_ptr<const Map> retired = std::move(changed);
  {
    const MutexLock lock(shard.swap);
    shard.map.swap(retired);
  }
  revision_.fetch_add(1, std::memory_order_acq_rel);
}

ServedFlagPtr FlagTable::find(const std::string& key) const {
  const auto map = read(shard_of(key));
  const auto found = map->find(key);
  return found == map->end() ? nullptr : found->second;
}

std::vector<ServedFlagPtr> FlagTable::all() const {
  std::vector<ServedFlagPtr> flags;
  for (const Shard& shard : *shards_) {
    for (const auto& [key, flag] : *read(shard)) {
      flags.push_back(flag);
    }
  }
  std::sort(flags.begin(), flags.end(),
            [](const ServedFlagPtr& a, const ServedFlagPtr& b) { return a->key < b->key; });
  return flags;
}

std::shared_ptr<const FlagTable::Map> FlagTable::read(const Shard& shard) {
  const MutexLock lock(shard.swap);
  return shard.map;
}

FlagTable::Shard& FlagTable::shard_of(std::string_view key) const {
  return (*shards_)[std::hash<std::string_view>{}(key) % kShards];
}

}  // namespace ripcord::ofrep
