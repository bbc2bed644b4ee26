// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/object_store/object_store_contract.h"

#include <stdexcept>
#include <utility>

namespace ripcord {
void ObjectStoreContract::SetUp() {
  if (GetParam().set_up) {
    GetParam().set_up();
  }
}

void ObjectStoreContract::expect_version(std::int64_t got, std::int64_t version) const {
  if (GetParam().own_writes_come_first) {
    EXPECT_GT(got, 0);
  } else if (GetParam().version_is_shared) {
    EXPECT_GE(got, version);
  } else {
    EXPECT_EQ(got, version);
  }
}

ObjectStore& ObjectStoreContract::store() {
  if (!held_) {
    use_history(kLongHistory);
  }
  return held_->store();
}

Resource ObjectStoreContract::stored(const Resource& object) {
  return *must(store().get(object.key()));
}

Resource ObjectStoreContract::created(const Resource& object) {
  return *must(store().create(object));
}

Resource ObjectStoreContract::updated(const Resource& object) {
  return *must(store().update(object));
}

std::int64_t ObjectStoreContract::version_now(Kind kind) {
  ObjectStore& used = store();
  held_->settle(kind);
  return must(used.list(kind)).resource_version;
}

std::unique_ptr<ObjectWatch> ObjectStoreContract::watch_from(std::int64_t version, Kind kind) {
  return must(store().watch(kind, version));
}

void ObjectStoreContract::expect_expired(std::int64_t version) {
  const auto watch = store().watch(Kind::kFeatureFlag, version);
  if (watch) {
    EXPECT_CODE((*watch)->next(kPatience, {}), StatusCode::kExpired);
  } else {
    EXPECT_CODE(watch, StatusCode::kExpired);
  }
}

WatchEvent ObjectStoreContract::next(ObjectWatch& watch) {
  return must(watch.next(kPatience, {}));
}

void ObjectStoreContract::expect_quiet(ObjectWatch& watch) {
  const std::string marker = "marker-" + std::to_string(++markers_);
  created(sample_flag(marker));
  EXPECT_EQ(in_short(next(watch)), "Added default/" + marker);
}

std::jthread test_thread(std::function<void()> body) {
  return std::jthread([body = std::move(body)] {
    try {
      body();
    } catch (const std::exception& failure) {
      ADD_FAILURE() << failure.what();
    }
  });
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
