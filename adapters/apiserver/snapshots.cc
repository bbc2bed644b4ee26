// SPDX-License-Identifier: Apache-2.0
#include "adapters/apiserver/snapshots.h"

#include <algorithm>
#include <utility>

namespace ripcord::apiserver {
namespace {

constexpr std::size_t kMostKept = 16;
constexpr Duration kKeptFor = std::chrono::minutes(5);

}  // namespace

Result<ObjectList> Snapshots::at(Kind kind, const std::optional<std::string>& ns,
                                 std::int64_t version) {
  {
    MutexLock lock(mutex_);
    for (const Kept& kept : kept_) {
      if (kept.kind == kind && kept.ns == ns && kept.list.resource_version == version &&
          clock_.now() - kept.since < kKeptFor) {
        return kept.list;
      }
    }
  }
  // The list first: what the watch then does not tell was not changed before it either.
  ASSIGN_OR_RETURN(ObjectList list, store_.list(kind, ns));
  const Result<std::unique_ptr<ObjectWatch>> watch = store_.watch(kind, version);
  if (watch) {
    const Result<WatchEvent> event = (*watch)->next(Duration::zero(), {});
    if (!event && event.error().code() == StatusCode::kDeadlineExceeded) {
      list.resource_version = version;
      return list;
    }
  }
  return error(
      StatusCode::kExpired,
      "The provided continue parameter is too old to display a consistent list result. You "
      "can start a new list without the continue parameter, or use the continue token in "
      "this response to retrieve the remainder of the results. Continuing with the "
      "provided token results in an inconsistent list - objects that were created, "
      "modified, or deleted between the time the first chunk was returned and now may "
      "show up in the list.");
}

void Snapshots::keep(Kind kind, const std::optional<std::string>& ns, const ObjectList& list) {
  MutexLock lock(mutex_);
  std::erase_if(kept_, [&](const Kept& kept) {
    return clock_.now() - kept.since >= kKeptFor ||
           (kept.kind == kind && kept.ns == ns &&
            kept.list.resource_version == list.resource_version);
  });
  kept_.push_back({kind, ns, list, clock_.now()});
  if (kept_.size() > kMostKept) {
    kept_.pop_front();
  }
}

}  // namespace ripcord::apiserver
