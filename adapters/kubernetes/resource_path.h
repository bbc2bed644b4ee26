// SPDX-License-Identifier: Apache-2.0
#pragma once
// Paths of our kinds in the resource API. A caller's key may hold anything: it cannot change the
// path. Pure functions.

#include "controller/model/kind.h"

#include <string>
#include <string_view>

namespace ripcord::kubernetes {

// One segment of a path or a value of a query, percent-encoded.
std::string escaped(std::string_view text);
// "/apis/ripcord.dev/v1alpha1/namespaces/shop/featureflags"; of all namespaces when `ns` is empty.
std::string collection_path(Kind kind, std::string_view ns);
std::string object_path(const ObjectKey& key);

}  // namespace ripcord::kubernetes
