// SPDX-License-Identifier: Apache-2.0
#include "adapters/apiserver/namespaces.h"

#include <algorithm>
#include <set>
#include <utility>

namespace ripcord::apiserver {
namespace {

// No object is in it: a list of it is only the version.
constexpr const char* kNoNamespace = "-";
constexpr std::size_t kHistory = 1000;

}  // namespace

Namespaces::Namespaces(const ObjectReader& store, const Clock& clock)
    : store_(store), clock_(clock), started_(clock.wall_now()), feed_(clock, kHistory) {}

Namespaces::Versions Namespaces::versions() const {
  Versions now{};
  for (std::size_t i = 0; i < kAllKinds.size(); ++i) {
    const Result<ObjectList> list = store_.list(kAllKinds[i], kNoNamespace);
    now[i] = list ? list->resource_version : 0;
  }
  return now;
}

void Namespaces::look() {
  const MutexLock lock(mutex_);
  // Before the objects are read: what is written in between is found by the next look.
  const Versions now = versions();
  if (std::exchange(seen_, now) == now) {
    return;
  }
  std::set<std::string> names = {std::string(kDefaultNamespace)};
  for (const Kind kind : kAllKinds) {
    const Result<ObjectList> list = store_.list(kind);
    for (const ResourcePtr& object : list ? list->items : std::vector<ResourcePtr>()) {
      names.insert(object->meta.ns);
    }
  }
  const WallTime since = feed_.snapshot().items.empty() ? started_ : clock_.wall_now();
  feed_.edit([&](std::deque<codec::ApiNamespace>& items, auto note) {
    std::deque<codec::ApiNamespace> stay;
    for (codec::ApiNamespace& item : items) {
      if (names.erase(item.name) > 0) {
        stay.push_back(std::move(item));
      } else {
        note(WatchEvent::Type::kDeleted, item);
      }
    }
    for (const std::string& name : names) {
      stay.push_back({name, 0, since});
      note(WatchEvent::Type::kAdded, stay.back());
    }
    std::ranges::sort(stay, {}, &codec::ApiNamespace::name);
    items = std::move(stay);
  });
}

codec::ApiNamespace Namespaces::named(const std::string& name) const {
  const auto all = feed_.snapshot();
  const auto at = std::ranges::find(all.items, name, &codec::ApiNamespace::name);
  return at == all.items.end() ? codec::ApiNamespace{name, all.version, started_} : *at;
}

}  // namespace ripcord::apiserver
