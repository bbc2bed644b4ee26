// SPDX-License-Identifier: Apache-2.0
#include "controller/ports/object_index.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace ripcord {
namespace {

int compare(const StoredObject& object, std::string_view ns, std::string_view name) {
  const ObjectIdentity identity = object.identity();
  const int by_namespace = identity.ns.compare(ns);
  return by_namespace != 0 ? by_namespace : identity.name.compare(name);
}

}  // namespace

ObjectIndex::ObjectIndex(std::vector<StoredObject> objects) : size_(objects.size()) {
  std::sort(objects.begin(), objects.end(), by_key);
  for (std::size_t i = 0; i < objects.size(); i += kChunk) {
    const auto first = std::next(objects.begin(), static_cast<std::ptrdiff_t>(i));
    const auto count = static_cast<std::ptrdiff_t>(std::min(kChunk, objects.size() - i));
    chunks_.push_back(std::make_shared<const Chunk>(std::make_move_iterator(first),
                                                    std::make_move_iterator(first + count)));
  }
}

ObjectIndex::Position ObjectIndex::locate(std::string_view ns, std::string_view name) const {
  // The last chunk that starts at or before the object, so that appending fills it up.
  const auto after = std::partition_point(chunks_.begin(), chunks_.end(), [&](const auto& chunk) {
    return compare(chunk->front(), ns, name) <= 0;
  });
  const auto chunk = after == chunks_.begin() ? after : std::prev(after);
  Position position{static_cast<std::size_t>(chunk - chunks_.begin()), 0, false};
  if (chunk == chunks_.end()) {
    return position;
  }
  const Chunk& items = **chunk;
  const auto item = std::partition_point(
      items.begin(), items.end(),
      [&](const StoredObject& object) { return compare(object, ns, name) < 0; });
  position.at = static_cast<std::size_t>(item - items.begin());
  position.found = item != items.end() && compare(*item, ns, name) == 0;
  return position;
}

StoredObject ObjectIndex::stored(std::string_view ns, std::string_view name) const {
  const Position position = locate(ns, name);
  return position.found ? (*chunks_[position.chunk])[position.at] : StoredObject();
}

// Chunks are shared with copies of the index, so a change makes a new one.
void ObjectIndex::put(StoredObject object) {
  const ObjectIdentity identity = object.identity();
  const Position position = locate(identity.ns, identity.name);
  if (chunks_.empty()) {
    chunks_.push_back(std::make_shared<const Chunk>(1, std::move(object)));
    size_ = 1;
    return;
  }
  std::shared_ptr<const Chunk>& slot = chunks_[position.chunk];
  auto items = std::make_shared<Chunk>(*slot);
  if (position.found) {
    (*items)[position.at] = std::move(object);
    slot = std::move(items);
    return;
  }
  const auto at = static_cast<std::ptrdiff_t>(position.at);
  items->insert(items->begin() + at, std::move(object));
  ++size_;
  if (items->size() <= kChunk) {
    slot = std::move(items);
    return;
  }
  const auto middle = items->begin() + static_cast<std::ptrdiff_t>(kChunk / 2);
  auto upper = std::make_shared<const Chunk>(middle, items->end());
  slot = std::make_shared<const Chunk>(items->begin(), middle);
  chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(position.chunk) + 1,
                 std::move(upper));
}

void ObjectIndex::erase(std::string_view ns, std::string_view name) {
  const Position position = locate(ns, name);
  if (!position.found) {
    return;
  }
  --size_;
  std::shared_ptr<const Chunk>& slot = chunks_[position.chunk];
  if (slot->size() == 1) {
    chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(position.chunk));
    return;
  }
  auto items = std::make_shared<Chunk>(*slot);
  items->erase(items->begin() + static_cast<std::ptrdiff_t>(position.at));
  slot = std::move(items);
}

std::vector<StoredObject> ObjectIndex::all_stored(std::optional<std::string_view> ns) const {
  std::vector<StoredObject> result;
  if (!ns) {
    result.reserve(size_);
    for (const auto& chunk : chunks_) {
      result.insert(result.end(), chunk->begin(), chunk->end());
    }
    return result;
  }
  const Position start = locate(*ns, "");
  for (std::size_t c = start.chunk; c < chunks_.size(); ++c) {
    for (std::size_t i = c == start.chunk ? start.at : 0; i < chunks_[c]->size(); ++i) {
      const StoredObject& object = (*chunks_[c])[i];
      if (object.identity().ns != *ns) {
        return result;
      }
      result.push_back(object);
    }
  }
  return result;
}

std::vector<ResourcePtr> ObjectIndex::items(std::optional<std::string_view> ns) const {
  const std::vector<StoredObject> stored = all_stored(ns);
  std::vector<ResourcePtr> result;
  result.reserve(stored.size());
  for (const StoredObject& object : stored) {
    result.push_back(object.object());
  }
  return result;
}

}  // namespace ripcord
