// SPDX-License-Identifier: Apache-2.0
#pragma once
// Private to the codec: what an ApiCatalog holds.

#include "controller/codec/api_catalog.h"
#include "controller/codec/json_path.h"
#include "controller/codec/structural_schema.h"

#include <array>
#include <string>
#include <vector>

namespace ripcord::codec {

struct PrinterColumn {
  std::string name;
  std::string type;
  std::string format;
  std::string description;
  std::int64_t priority = 0;
  JsonPath path;
};

struct SelectableField {
  std::string name;
  JsonPath path;
};

struct KindEntry {
  std::string singular;
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  std::vector<PrinterColumn> columns;
  std::vector<SelectableField> fields;
  std::vector<std::string> field_names;
  StructuralSchema schema;  // of the whole object, metadata included
  Node openapi;             // as written
};

struct CatalogParts {
  std::array<KindEntry, kAllKinds.size()> kinds;

  const KindEntry& of(Kind kind) const { return kinds.at(static_cast<std::size_t>(kind)); }
};

}  // namespace ripcord::codec
