// SPDX-License-Identifier: Apache-2.0
#include "adapters/apiserver/embedded_catalog.h"

#include "crds/embedded_crds.h"

#include <string_view>
#include <vector>

namespace ripcord::apiserver {

Result<codec::ApiCatalog> embedded_catalog() {
  std::vector<std::string_view> texts;
  for (const crds::EmbeddedFile& file : crds::embedded_crds()) {
    texts.push_back(file.text);
  }
  return codec::ApiCatalog::create(texts);
}

}  // namespace ripcord::apiserver
