// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/structural_schema.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

bool is_true(const Node& node, std::string_view key) {
  const Node* value = node.find(key);
  return value != nullptr && value->type == Node::Type::kBool && value->boolean;
}

std::string text_of(const Node& node, std::string_view key) {
  const Node* value = node.find(key);
  return value == nullptr ? std::string() : value->text;
}

void read_list(const Node& openapi, StructuralSchema& schema) {
  schema.type = StructuralSchema::Type::kList;
  const std::string kind = text_of(openapi, "x-kubernetes-list-type");
  if (kind == "set") {
    schema.list = StructuralSchema::ListKind::kSet;
  } else if (kind == "map") {
    schema.list = StructuralSchema::ListKind::kMap;
  }
  if (const Node* keys = openapi.find("x-kubernetes-list-map-keys")) {
    for (const Node& key : keys->items) {
      schema.keys.push_back(key.text);
    }
    std::sort(schema.keys.begin(), schema.keys.end());
  }
  if (const Node* items = openapi.find("items")) {
    schema.items.push_back(structural_schema(*items));
  }
}

void read_object(const Node& openapi, StructuralSchema& schema) {
  const Node* properties = openapi.find("properties");
  const Node* additional = openapi.find("additionalProperties");
  if (text_of(openapi, "x-kubernetes-map-type") == "atomic" ||
      (properties == nullptr && additional == nullptr && schema.keeps_unknown)) {
    return;  // owned as a whole
  }
  schema.type = StructuralSchema::Type::kObject;
  if (properties != nullptr) {
    for (const Member& member : properties->members) {
      schema.properties.push_back({member.key, structural_schema(member.value)});
    }
  }
  if (additional != nullptr && additional->is_map()) {
    schema.additional.push_back(structural_schema(*additional));
  }
}

StructuralSchema map_of_strings() {
  StructuralSchema schema;
  schema.type = StructuralSchema::Type::kObject;
  schema.additional.emplace_back();
  return schema;
}

StructuralSchema list_of(StructuralSchema::ListKind kind, std::vector<std::string> keys,
                         StructuralSchema item) {
  StructuralSchema schema;
  schema.type = StructuralSchema::Type::kList;
  schema.list = kind;
  schema.keys = std::move(keys);
  schema.items.push_back(std::move(item));
  return schema;
}

StructuralSchema make_metadata_schema() {
  StructuralSchema schema;
  schema.type = StructuralSchema::Type::kObject;
  for (const char* name : {"name", "namespace", "uid", "resourceVersion", "generation",
                           "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
                           "generateName", "managedFields", "selfLink"}) {
    schema.properties.push_back({name, {}});
  }
  schema.properties.push_back({"labels", map_of_strings()});
  schema.properties.push_back({"annotations", map_of_strings()});
  schema.properties.push_back(
      {"finalizers", list_of(StructuralSchema::ListKind::kSet, {}, StructuralSchema())});
  StructuralSchema owner;
  owner.type = StructuralSchema::Type::kObject;
  for (const char* name :
       {"apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"}) {
    owner.properties.push_back({name, {}});
  }
  schema.properties.push_back(
      {"ownerReferences", list_of(StructuralSchema::ListKind::kMap, {"uid"}, std::move(owner))});
  return schema;
}

}  // namespace

const StructuralSchema* StructuralSchema::field(std::string_view name) const {
  for (const SchemaProperty& property : properties) {
    if (property.name == name) {
      return &property.schema;
    }
  }
  return additional.empty() ? nullptr : &additional.front();
}

StructuralSchema structural_schema(const Node& openapi) {
  StructuralSchema schema;
  schema.keeps_unknown = is_true(openapi, "x-kubernetes-preserve-unknown-fields");
  const std::string type = text_of(openapi, "type");
  if (type == "array") {
    read_list(openapi, schema);
  } else if (type == "object") {
    read_object(openapi, schema);
  }
  if (const Node* by_default = openapi.find("default")) {
    schema.by_default = *by_default;
  }
  return schema;
}

const StructuralSchema& metadata_schema() {
  static const StructuralSchema kSchema = make_metadata_schema();
  return kSchema;
}

void drop_unknown(Node& value, const StructuralSchema& schema, const std::string& path,
                  std::vector<std::string>& dropped) {
  if (schema.type == StructuralSchema::Type::kList && !schema.items.empty()) {
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      drop_unknown(value.items[i], schema.items.front(), fmt::format("{}[{}]", path, i), dropped);
    }
    return;
  }
  if (schema.type != StructuralSchema::Type::kObject || !value.is_map()) {
    return;
  }
  std::erase_if(value.members, [&](Member& member) {
    const StructuralSchema* field = schema.field(member.key);
    const std::string child = path.empty() ? member.key : path + "." + member.key;
    if (field != nullptr) {
      drop_unknown(member.value, *field, child, dropped);
      return false;
    }
    if (schema.keeps_unknown) {
      return false;
    }
    dropped.push_back(child);
    return true;
  });
}

void fill_defaults(Node& value, const StructuralSchema& schema) {
  if (schema.type == StructuralSchema::Type::kList && !schema.items.empty()) {
    for (Node& item : value.items) {
      fill_defaults(item, schema.items.front());
    }
    return;
  }
  if (schema.type != StructuralSchema::Type::kObject || !value.is_map()) {
    return;
  }
  for (const SchemaProperty& property : schema.properties) {
    Node* present = value.find(property.name);
    if (property.schema.by_default && (present == nullptr || present->is_null())) {
      value.set(property.name, *property.schema.by_default);
    }
  }
  for (Member& member : value.members) {
    if (const StructuralSchema* field = schema.field(member.key)) {
      fill_defaults(member.value, *field);
    }
  }
}

}  // namespace ripcord::codec
