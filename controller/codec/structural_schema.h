// SPDX-License-Identifier: Apache-2.0
#pragma once
// The part of a CRD's schema that decides what a document keeps and who may own which part of it:
// known fields, defaults, and how lists and maps merge. Values and pure functions.

#include "controller/codec/node.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord::codec {

struct SchemaProperty;

struct StructuralSchema {
  // kAny: a scalar, or what the schema leaves open. It is kept, and owned, as a whole.
  enum class Type { kAny, kObject, kList };
  enum class ListKind { kAtomic, kSet, kMap };

  Type type = Type::kAny;
  ListKind list = ListKind::kAtomic;
  bool keeps_unknown = false;
  std::vector<std::string> keys;             // of a kMap list
  std::vector<SchemaProperty> properties;    // of an object
  std::vector<StructuralSchema> items;       // of a list: one
  std::vector<StructuralSchema> additional;  // of an object with free keys: one
  std::optional<Node> by_default;

  // The schema of a field; null when there is no such field.
  const StructuralSchema* field(std::string_view name) const;
  // Its parts have owners of their own.
  bool granular() const {
    return type == Type::kObject || (type == Type::kList && list != ListKind::kAtomic);
  }
};

struct SchemaProperty {
  std::string name;
  StructuralSchema schema;
};

// Of an openAPIV3Schema that the CRD rules call structural.
StructuralSchema structural_schema(const Node& openapi);
// ObjectMeta, as far as clients write it.
const StructuralSchema& metadata_schema();

// Removes what the schema does not know and adds its paths ("spec.environments[0].adress").
void drop_unknown(Node& value, const StructuralSchema& schema, const std::string& path,
                  std::vector<std::string>& dropped);
void fill_defaults(Node& value, const StructuralSchema& schema);

}  // namespace ripcord::codec
