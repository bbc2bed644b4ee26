// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/cached_store.h"

#include "adapters/kubernetes/packed_object.h"
#include "controller/ports/object_table.h"

#include <algorithm>
#include <array>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

namespace ripcord::kubernetes {
namespace {

constexpr std::array<std::string_view, 1> kKindLabel = {"kind"};
constexpr MetricDescriptor kObjects = {"ripcord_cache_objects",
                                       "Objects of a kind that are mirrored from the API server.",
                                       MetricType::kGauge, kKindLabel};

bool newer(const ResourcePtr& a, const ResourcePtr& b) {
  return a->meta.resource_version > b->meta.resource_version;
}

// `object` as it was last seen, with the version at which it was found gone.
WatchEvent gone(const StoredObject& object, std::int64_t version) {
  Resource last = *object.object();
  last.meta.resource_version = version;
  return {WatchEvent::Type::kDeleted, std::make_shared<const Resource>(std::move(last))};
}

// What this process did and the watch has not brought yet.
struct OwnWrites {
  std::vector<ResourcePtr> objects;
  std::unordered_set<std::string> removed;  // uids
};

}  // namespace

// The objects of one kind, what this process wrote and the watch has not brought yet, and the
// thread that follows.
class CachedStore::Mirror final : public MirrorSink {
 public:
  Mirror(HttpClient& client, HttpStreamClient& streams, ReflectorOptions options, Clock& clock,
         MetricSink& metrics, const Logger& log)
      : kind_(options.kind),
        metrics_(metrics),
        reflector_(client, streams, std::move(options), *this, clock, metrics,
                   log.with("kind", std::string(to_string(kind_)))),
        thread_([this](const std::stop_token& stop) { reflector_.run(stop); }) {}

  ~Mirror() override {
    thread_ = {};
    if (const auto table = this->table()) {
      table->close();
    }
  }

  KindState state() const {
    MutexLock lock(mutex_);
    return {kind_, count_, reflector_.state()};
  }

  Result<std::shared_ptr<ObjectTable>> synced() const {
    if (auto table = this->table()) {
      return table;
    }
    const Status problem = reflector_.state().problem;
    return error(StatusCode::kUnavailable,
                 problem.ok()
                     ? fmt::format("{} are not read from the API server yet", plural(kind_))
                     : problem.message());
  }

  // The object that this process wrote, if that is newer than `mirrored`, which may be null; null
  // when this process removed it.
  ResourcePtr newest(const ObjectKey& key, ResourcePtr mirrored) const {
    MutexLock lock(mutex_);
    const auto own = own_.find(key);
    const ResourcePtr& newest =
        own != own_.end() && (!mirrored || newer(own->second, mirrored)) ? own->second : mirrored;
    return newest && removed_.contains(newest->meta.uid) ? nullptr : newest;
  }

  OwnWrites own() const {
    MutexLock lock(mutex_);
    OwnWrites own{{}, removed_};
    for (const auto& [key, object] : own_) {
      own.objects.push_back(object);
    }
    return own;
  }

  void wrote(const ResourcePtr& object) {
    if (object->meta.deletion_timestamp && object->meta.finalizers.empty()) {
      return removed(object->key(), object->meta.uid);  // it was the last finalizer that held it
    }
    MutexLock lock(mutex_);
    if (object->meta.resource_version > version_) {
      ResourcePtr& own = own_[object->key()];
      if (!own || newer(object, own)) {
        own = object;
      }
    }
  }

  // By uid, so that what another makes under this name is seen.
  void removed(const ObjectKey& key, const std::string& uid) {
    MutexLock lock(mutex_);
    const auto own = own_.find(key);
    const StoredObject mirrored = table_ ? table_->stored(key) : StoredObject();
    // Else the watch has brought the end of it already.
    if ((own != own_.end() && own->second->meta.uid == uid) ||
        (mirrored && mirrored.identity().uid == uid)) {
      removed_.insert(uid);
    }
  }

  void replace(std::vector<StoredObject> objects, std::int64_t version) override {
    const std::shared_ptr<ObjectTable> table = this->table();
    const std::size_t count = objects.size();
    std::unordered_set<std::string> there;
    for (const StoredObject& object : objects) {
      there.emplace(object.identity().uid);
    }
    if (!table) {
      auto fresh = ObjectTable::create(std::move(objects), version, kDefaultHistoryLimit, packed);
      MutexLock lock(mutex_);
      table_ = std::move(fresh);
    } else {
      table->publish(difference(*table, std::move(objects), version));
    }
    MutexLock lock(mutex_);
    std::erase_if(removed_, [&](const std::string& uid) { return !there.contains(uid); });
    reached(version, count);
  }

  void apply(WatchEvent event) override {
    const std::shared_ptr<ObjectTable> table = this->table();
    const StoredObject stored = table->stored(event.object->key());
    const bool known = static_cast<bool>(stored);
    const std::int64_t version = event.object->meta.resource_version;
    std::size_t count = 0;
    {
      MutexLock lock(mutex_);
      count = count_;
    }
    const bool deleted = event.type == WatchEvent::Type::kDeleted;
    const bool stale = known && stored.identity().uid == event.object->meta.uid &&
                       stored.identity().resource_version >= version;
    if (!stale && (known || !deleted)) {
      count += deleted ? 0 : 1;
      count -= known ? 1 : 0;
      table->publish({&event, 1});
    }
    MutexLock lock(mutex_);
    if (deleted) {
      removed_.erase(event.object->meta.uid);
    }
    reached(version, count);
  }

  void advance(std::int64_t version) override {
    MutexLock lock(mutex_);
    reached(version, count_);
  }

 private:
  std::shared_ptr<ObjectTable> table() const {
    MutexLock lock(mutex_);
    return table_;
  }

  // What `objects` changed against the table, in the order of versions; unchanged objects are left
  // alone.
  std::vector<WatchEvent> difference(const ObjectTable& table, std::vector<StoredObject> objects,
                                     std::int64_t version) const {
    std::vector<WatchEvent> changes;
    std::ranges::sort(objects, by_key);
    for (const StoredObject& object : objects) {
      const ObjectIdentity now = object.identity();
      const StoredObject known = table.stored({kind_, std::string(now.ns), std::string(now.name)});
      if (!known) {
        changes.push_back({WatchEvent::Type::kAdded, object.object()});
      } else if (known.identity().uid != now.uid ||
                 now.resource_version > known.identity().resource_version) {
        changes.push_back({WatchEvent::Type::kModified, object.object()});
      }
    }
    std::ranges::stable_sort(
        changes, {}, [](const WatchEvent& change) { return change.object->meta.resource_version; });
    for (const StoredObject& known : table.all_stored(kind_)) {
      if (!std::ranges::binary_search(objects, known, by_key)) {
        changes.push_back(gone(known, version));
      }
    }
    return changes;
  }

  void reached(std::int64_t version, std::size_t count) REQUIRES(mutex_) {
    version_ = version;
    count_ = count;
    std::erase_if(own_,
                  [&](const auto& own) { return own.second->meta.resource_version <= version; });
    metrics_.set(kObjects, {to_string(kind_)}, static_cast<double>(count));
  }

  const Kind kind_;
  MetricSink& metrics_;
  mutable Mutex mutex_;
  std::shared_ptr<ObjectTable> table_ GUARDED_BY(mutex_);  // null before the first list
  std::unordered_map<ObjectKey, ResourcePtr> own_ GUARDED_BY(mutex_);
  std::unordered_set<std::string> removed_ GUARDED_BY(mutex_);  // by us, and not yet by the watch
  std::int64_t version_ GUARDED_BY(mutex_) = 0;
  std::size_t count_ GUARDED_BY(mutex_) = 0;
  Reflector reflector_;
  std::jthread thread_;  // last: stopped and joined before the rest goes
};

CachedStore::CachedStore(HttpClient& client, HttpStreamClient& streams, CachedStoreOptions options,
                         Clock& clock, MetricSink& metrics, const Logger& log)
    : remote_(client, streams, options.server) {
  for (const Kind kind : kAllKinds) {
    ReflectorOptions follow;
    follow.server = options.server;
    follow.kind = kind;
    follow.ns = options.ns;
    follow.watches_crd = options.watches_crd;
    mirrors_.push_back(
        std::make_unique<Mirror>(client, streams, std::move(follow), clock, metrics, log));
  }
}

CachedStore::~CachedStore() = default;

std::vector<CachedStore::KindState> CachedStore::state() const {
  std::vector<KindState> states;
  for (const auto& mirror : mirrors_) {
    states.push_back(mirror->state());
  }
  return states;
}

Result<ResourcePtr> CachedStore::get(const ObjectKey& key) const {
  const Mirror& mirror = this->mirror(key.kind);
  ASSIGN_OR_RETURN(const std::shared_ptr<ObjectTable> table, mirror.synced());
  if (ResourcePtr object = mirror.newest(key, table->find(key))) {
    return object;
  }
  return error(StatusCode::kNotFound, fmt::format("{} does not exist", to_string(key)));
}

Result<ObjectList> CachedStore::list(Kind kind, std::optional<std::string> ns) const {
  const Mirror& mirror = this->mirror(kind);
  ASSIGN_OR_RETURN(const std::shared_ptr<ObjectTable> table, mirror.synced());
  // Own writes first: one that the watch brings in between is then in the list, or gone from it.
  const auto own = mirror.own();
  ASSIGN_OR_RETURN(ObjectList list, table->list(kind, ns));
  for (const ResourcePtr& object : own.objects) {
    if ((ns && object->meta.ns != *ns) || object->meta.resource_version <= list.resource_version) {
      continue;
    }
    const auto at = std::ranges::lower_bound(list.items, object, by_key);
    if (at == list.items.end() || by_key(object, *at)) {
      list.items.insert(at, object);
    } else if (newer(object, *at)) {
      *at = object;
    }
  }
  std::erase_if(list.items, [&](const auto& item) { return own.removed.contains(item->meta.uid); });
  return list;
}

Result<std::int64_t> CachedStore::each(Kind kind,
                                       const std::function<void(const ResourcePtr&)>& take) const {
  const Mirror& mirror = this->mirror(kind);
  ASSIGN_OR_RETURN(const std::shared_ptr<ObjectTable> table, mirror.synced());
  // What was created here, and the watch brings later, is taken last.
  const auto own = mirror.own();
  ASSIGN_OR_RETURN(const std::int64_t version, table->each(kind, [&](const ResourcePtr& object) {
    if (const ResourcePtr newest = mirror.newest(object->key(), object)) {
      take(newest);
    }
  }));
  for (const ResourcePtr& object : own.objects) {
    if (object->meta.resource_version > version && !own.removed.contains(object->meta.uid) &&
        !table->stored(object->key())) {
      take(object);
    }
  }
  return version;
}

Result<std::unique_ptr<ObjectWatch>> CachedStore::watch(Kind kind,
                                                        std::int64_t from_version) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<ObjectTable> table, mirror(kind).synced());
  return table->watch(kind, from_version);
}

Result<ResourcePtr> CachedStore::written(const ObjectKey& key, Result<ResourcePtr> result) {
  if (result) {
    mirror(key.kind).wrote(*result);
  } else if (result.error().code() == StatusCode::kConflict) {
    if (const Result<ResourcePtr> live = remote_.get(key)) {
      mirror(key.kind).wrote(*live);
    }
  }
  return result;
}

Result<ResourcePtr> CachedStore::create(const Resource& object) {
  return written(object.key(), remote_.create(object));
}

Result<ResourcePtr> CachedStore::update(const Resource& object) {
  return written(object.key(), remote_.update(object));
}

Result<ResourcePtr> CachedStore::update_status(const Resource& object) {
  return written(object.key(), remote_.update_status(object));
}

Status CachedStore::remove(const ObjectKey& key, const Preconditions& preconditions) {
  const Result<codec::DecodedDeletion> answer = remote_.removed(key, preconditions);
  if (!answer) {
    return written(key, tl::unexpected<Status>(answer.error())).error();
  }
  if (answer->left) {
    mirror(key.kind).wrote(answer->left);
  } else if (!answer->gone_uid.empty()) {
    mirror(key.kind).removed(key, answer->gone_uid);
  }
  return ok_status();
}

}  // namespace ripcord::kubernetes
