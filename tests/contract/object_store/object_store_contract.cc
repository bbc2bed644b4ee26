// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/object_store/object_store_contract.h"

#include <stdexcept>
#include <utility>

namespace ripcord {
namespace {

// A test cannot go on without the value; the exception ends it with the store's own words.
template <class T>
T must(Result<T> result, const std::string& what) {
  if (!result) {
    throw std::runtime_error(what + ": " + to_string(result.error()));
  }
  return *std::move(result);
}

}  // namespace

ObjectStore& ObjectStoreContract::store() {
  if (!held_) {
    use_history(kLongHistory);
  }
  return held_->store();
}

Resource ObjectStoreContract::stored(const Resource& object) {
  return *must(store().get(object.key()), "get");
}

Resource ObjectStoreContract::created(const Resource& object) {
  return *must(store().create(object), "create");
}

Resource ObjectStoreContract::updated(const Resource& object) {
  return *must(store().update(object), "update");
}

std::int64_t ObjectStoreContract::version_now(Kind kind) {
  return must(store().list(kind), "list").resource_version;
}

std::unique_ptr<ObjectWatch> ObjectStoreContract::watch_from(std::int64_t version, Kind kind) {
  return must(store().watch(kind, version), "watch");
}

WatchEvent ObjectStoreContract::next(ObjectWatch& watch) {
  return must(watch.next(kPatience, {}), "next");
}

void ObjectStoreContract::expect_quiet(ObjectWatch& watch) {
  const std::string marker = "marker-" + std::to_string(++markers_);
  created(sample_flag(marker));
  EXPECT_EQ(in_short(next(watch)), "Added default/" + marker);
}

std::string in_short(const WatchEvent& event) {
  const Metadata& meta = event.object->meta;
  const std::string object = meta.ns + "/" + meta.name;
  switch (event.type) {
    case WatchEvent::Type::kAdded:
      return "Added " + object;
    case WatchEvent::Type::kModified:
      return "Modified " + object;
    case WatchEvent::Type::kDeleted:
      return "Deleted " + object;
  }
  return "unknown " + object;
}

}  // namespace ripcord
