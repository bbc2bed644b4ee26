// SPDX-License-Identifier: Apache-2.0
#include "controller/ports/object_store.h"

namespace ripcord {

Result<std::int64_t> ObjectReader::each(Kind kind,
                                        const std::function<void(const ResourcePtr&)>& take) const {
  ASSIGN_OR_RETURN(const ObjectList all, list(kind));
  for (const ResourcePtr& object : all.items) {
    take(object);
  }
  return all.resource_version;
}

}  // namespace ripcord
