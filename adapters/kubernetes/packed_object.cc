// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/packed_object.h"

#include "controller/codec/packed.h"

#include <algorithm>
#include <string>

namespace ripcord::kubernetes {
namespace {

// Not in a string, which has room to grow.
class Packed final : public PackedObject {
 public:
  explicit Packed(std::string_view bytes)
      : bytes_(std::make_unique_for_overwrite<char[]>(bytes.size())), size_(bytes.size()) {
    std::ranges::copy(bytes, bytes_.get());
  }
  ObjectIdentity identity() const override {
    const codec::PackedIdentity found = codec::identity_of(bytes());
    return {found.kind, found.ns, found.name, found.uid, found.resource_version};
  }
  ResourcePtr unpack() const override {
    return std::make_shared<const Resource>(codec::unpack(bytes()));
  }

 private:
  std::string_view bytes() const { return {bytes_.get(), size_}; }

  const std::unique_ptr<char[]> bytes_;
  const std::size_t size_;
};

}  // namespace

StoredObject packed(const ResourcePtr& object) {
  return StoredObject(std::make_shared<const Packed>(codec::pack(*object)));
}

}  // namespace ripcord::kubernetes
