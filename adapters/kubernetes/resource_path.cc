// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/resource_path.h"

#include <fmt/format.h>

namespace ripcord::kubernetes {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_';
    out += plain ? std::string(1, c)
                 : fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return out;
}

std::string collection_path(Kind kind, std::string_view ns) {
  return ns.empty()
             ? fmt::format("/apis/{}/{}", kApiVersion, plural(kind))
             : fmt::format("/apis/{}/namespaces/{}/{}", kApiVersion, escaped(ns), plural(kind));
}

std::string object_path(const ObjectKey& key) {
  return collection_path(key.kind, key.ns) + "/" + escaped(key.name);
}

}  // namespace ripcord::kubernetes
