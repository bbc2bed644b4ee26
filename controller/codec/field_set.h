// SPDX-License-Identifier: Apache-2.0
#pragma once
// A set of fields of a document, as metadata.managedFields writes it (FieldsV1): a tree of path
// elements ("f:spec", `k:{"type":"Ready"}`, `v:"a"`). Values, pure functions.

#include "controller/codec/node.h"

#include <map>
#include <string>
#include <vector>

namespace ripcord::codec {

struct FieldSet {
  bool member = false;  // the field itself is in the set, whatever its parts are
  std::map<std::string, FieldSet> parts;

  bool empty() const;
  bool operator==(const FieldSet&) const = default;
};

FieldSet united(FieldSet a, const FieldSet& b);
FieldSet without(const FieldSet& a, const FieldSet& b);
FieldSet common_part(const FieldSet& a, const FieldSet& b);

// ".spec.enabled", `.status.conditions[type="Ready"].status`: as people read it.
std::vector<std::string> readable(const FieldSet& set);

Node node_of(const FieldSet& set);
FieldSet field_set_of(const Node& fields_v1);

}  // namespace ripcord::codec
