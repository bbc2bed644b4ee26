// SPDX-License-Identifier: Apache-2.0
#pragma once
// The objects of one kind, ordered by namespace, then name. A value whose copy is cheap (one
// pointer per kChunk objects) and never changes with the original: copy it under a lock, walk the
// copy without one. Holds pointers only, no key of its own. Not synchronized.

#include "controller/ports/stored_object.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace ripcord {

class ObjectIndex {
 public:
  static constexpr std::size_t kChunk = 128;

  ObjectIndex() = default;
  // Of objects in any order, no two with the same namespace and name.
  explicit ObjectIndex(std::vector<StoredObject> objects);
  explicit ObjectIndex(const std::vector<ResourcePtr>& objects)
      : ObjectIndex(std::vector<StoredObject>(objects.begin(), objects.end())) {}

  StoredObject stored(std::string_view ns, std::string_view name) const;  // null when absent
  ResourcePtr find(std::string_view ns, std::string_view name) const {
    return stored(ns, name).object();
  }
  // Adds, or replaces the object of the same namespace and name.
  void put(StoredObject object);
  void erase(std::string_view ns, std::string_view name);
  std::size_t size() const { return size_; }
  // All objects in order, or those of one namespace.
  std::vector<StoredObject> all_stored(std::optional<std::string_view> ns = std::nullopt) const;
  std::vector<ResourcePtr> items(std::optional<std::string_view> ns = std::nullopt) const;

 private:
  using Chunk = std::vector<StoredObject>;  // ordered; none is empty or longer than kChunk
  struct Position {
    std::size_t chunk = 0;
    std::size_t at = 0;
    bool found = false;
  };
  // Where the object is, or where it would be inserted.
  Position locate(std::string_view ns, std::string_view name) const;

  std::vector<std::shared_ptr<const Chunk>> chunks_;
  std::size_t size_ = 0;
};

}  // namespace ripcord
