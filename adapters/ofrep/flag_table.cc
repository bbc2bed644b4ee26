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
  auto flag = std::make_shared<ServedFlag>();
  flag->body = evaluation_object(answer);
  flag->answer = std::move(answer);
  const std::string& key = flag->answer.key;
  replace(key, flag);
}

void FlagTable::remove(const std::string& key) {
  replace(key, nullptr);
}

void FlagTable::replace(const std::string& key, ServedFlagPtr flag) {
  Shard& shard = shard_of(key);
  const MutexLock writing(shard.write);
  auto changed = std::make_shared<Map>(*read(shard));
  if (flag) {
    changed->insert_or_assign(key, std::move(flag));
  } else {
    changed->erase(key);
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
  std::sort(flags.begin(), flags.end(), [](const ServedFlagPtr& a, const ServedFlagPtr& b) {
    return a->answer.key < b->answer.key;
  });
  return flags;
}

std::shared_ptr<const FlagTable::Map> FlagTable::read(const Shard& shard) {
  const MutexLock lock(shard.swap);
  return shard.map;
}

FlagTable::Shard& FlagTable::shard_of(const std::string& key) const {
  return (*shards_)[std::hash<std::string>{}(key) % kShards];
}

}  // namespace ripcord::ofrep
