// SPDX-License-Identifier: Apache-2.0
#include "controller/ports/stored_object.h"

#include <tuple>

namespace ripcord {

StoredObject::operator bool() const {
  return std::visit([](const auto& form) { return form != nullptr; }, form_);
}

ObjectIdentity StoredObject::identity() const {
  if (const auto* whole = std::get_if<ResourcePtr>(&form_)) {
    const Metadata& meta = (*whole)->meta;
    return {(*whole)->kind(), meta.ns, meta.name, meta.uid, meta.resource_version};
  }
  return std::get<std::shared_ptr<const PackedObject>>(form_)->identity();
}

ResourcePtr StoredObject::object() const {
  if (const auto* whole = std::get_if<ResourcePtr>(&form_)) {
    return *whole;
  }
  const auto& packed = std::get<std::shared_ptr<const PackedObject>>(form_);
  return packed ? packed->unpack() : nullptr;
}

bool by_key(const StoredObject& a, const StoredObject& b) {
  const ObjectIdentity x = a.identity();
  const ObjectIdentity y = b.identity();
  return std::tie(x.ns, x.name) < std::tie(y.ns, y.name);
}

}  // namespace ripcord
