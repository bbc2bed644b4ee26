// SPDX-License-Identifier: Apache-2.0
#pragma once
// An object as a table keeps it: whole, or packed by whoever has many objects and looks at few. A
// value, shared and immutable; null like the pointer in it.

#include "controller/model/resource.h"

#include <cstdint>
#include <memory>
#include <string_view>
#include <variant>

namespace ripcord {

// What is known of an object without unpacking it. The texts are the object's own.
struct ObjectIdentity {
  Kind kind = Kind::kFeatureFlag;
  std::string_view ns;
  std::string_view name;
  std::string_view uid;
  std::int64_t resource_version = 0;
};

class PackedObject {
 public:
  virtual ~PackedObject() = default;
  virtual ObjectIdentity identity() const = 0;
  virtual ResourcePtr unpack() const = 0;
};

class StoredObject {
 public:
  StoredObject() = default;
  StoredObject(ResourcePtr whole) : form_(std::move(whole)) {}  // NOLINT: is one, in this form
  explicit StoredObject(std::shared_ptr<const PackedObject> packed) : form_(std::move(packed)) {}

  explicit operator bool() const;
  ObjectIdentity identity() const;  // of one that is not null
  ResourcePtr object() const;       // null when null

 private:
  std::variant<ResourcePtr, std::shared_ptr<const PackedObject>> form_;
};

// By namespace, then name.
bool by_key(const StoredObject& a, const StoredObject& b);

}  // namespace ripcord
