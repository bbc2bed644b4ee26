// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/field_ownership.h"

#include <algorithm>
#include <utility>

namespace ripcord::codec {
namespace {

using ListKind = StructuralSchema::ListKind;

const StructuralSchema& open_schema() {
  static const StructuralSchema kOpen;
  return kOpen;
}

const StructuralSchema& item_schema(const StructuralSchema& list) {
  return list.items.empty() ? open_schema() : list.items.front();
}

// The path element of an item: by its keys, or by its value.
std::string element_of(const Node& item, const StructuralSchema& list) {
  if (list.list == ListKind::kSet) {
    return "v:" + to_json(item);
  }
  Node keys = Node::map();
  for (const std::string& key : list.keys) {
    if (const Node* value = item.find(key)) {
      keys.set(key, *value);
    }
  }
  return "k:" + to_json(keys);
}

struct Part {
  std::string element;
  const Node* value = nullptr;
  const StructuralSchema* schema = nullptr;
};

// The parts of a granular value, each with the path element that names it. Null members are none.
std::vector<Part> parts_of(const Node* value, const StructuralSchema& schema) {
  std::vector<Part> parts;
  if (value == nullptr) {
    return parts;
  }
  for (const Member& member : value->members) {
    const StructuralSchema* field = schema.field(member.key);
    if (!member.value.is_null()) {
      parts.push_back({"f:" + member.key, &member.value, field ? field : &open_schema()});
    }
  }
  for (const Node& item : value->items) {
    parts.push_back({element_of(item, schema), &item, &item_schema(schema)});
  }
  return parts;
}

bool has_parts(const Node* value, const StructuralSchema& schema) {
  return value != nullptr && schema.granular() &&
         (!value->members.empty() || !value->items.empty());
}

const Part* find_part(const std::vector<Part>& parts, const std::string& element) {
  const auto at = std::find_if(parts.begin(), parts.end(),
                               [&](const Part& part) { return part.element == element; });
  return at == parts.end() ? nullptr : &*at;
}

bool is_item(const std::string& element) {
  return !element.starts_with("f:");
}

void put(FieldSet& set, const std::string& element, FieldSet part) {
  if (!part.empty()) {
    set.parts.emplace(element, std::move(part));
  }
}

FieldSet fields_of_part(const Part& part) {
  FieldSet set = fields_of(*part.value, *part.schema);
  set.member = set.member || is_item(part.element);
  return set;
}

// Either side may be absent.
FieldChanges compare_values(const Node* before, const Node* after, const StructuralSchema& schema) {
  FieldChanges changes;
  if (!has_parts(before, schema) && !has_parts(after, schema)) {
    if (after == nullptr) {
      changes.removed.member = before != nullptr;
    } else {
      changes.changed.member = before == nullptr || !same_value(*before, *after);
    }
    return changes;
  }
  const std::vector<Part> old_parts = parts_of(before, schema);
  const std::vector<Part> new_parts = parts_of(after, schema);
  for (const Part& part : new_parts) {
    const Part* old = find_part(old_parts, part.element);
    FieldChanges inner =
        compare_values(old == nullptr ? nullptr : old->value, part.value, *part.schema);
    inner.changed.member = inner.changed.member || (old == nullptr && is_item(part.element));
    put(changes.changed, part.element, std::move(inner.changed));
    put(changes.removed, part.element, std::move(inner.removed));
  }
  for (const Part& part : old_parts) {
    if (find_part(new_parts, part.element) == nullptr) {
      put(changes.removed, part.element, fields_of_part(part));
    }
  }
  return changes;
}

}  // namespace

FieldSet fields_of(const Node& document, const StructuralSchema& schema) {
  FieldSet set;
  if (!has_parts(&document, schema)) {
    set.member = true;
    return set;
  }
  for (const Part& part : parts_of(&document, schema)) {
    put(set, part.element, fields_of_part(part));
  }
  return set;
}

FieldChanges compare_fields(const Node& before, const Node& after, const StructuralSchema& schema) {
  return compare_values(&before, &after, schema);
}

void lay_over(Node& target, const Node& applied, const StructuralSchema& schema) {
  if (!schema.granular() || target.type != applied.type) {
    target = applied;
    return;
  }
  for (const Member& member : applied.members) {
    const StructuralSchema* field = schema.field(member.key);
    Node* present = target.find(member.key);
    if (member.value.is_null()) {
      target.erase(member.key);
    } else if (present == nullptr) {
      target.set(member.key, member.value);
    } else {
      lay_over(*present, member.value, field ? *field : open_schema());
    }
  }
  for (const Node& item : applied.items) {
    const std::string element = element_of(item, schema);
    const auto at = std::find_if(target.items.begin(), target.items.end(), [&](const Node& other) {
      return element_of(other, schema) == element;
    });
    if (at == target.items.end()) {
      target.items.push_back(item);
    } else {
      lay_over(*at, item, item_schema(schema));
    }
  }
}

namespace {

// True when the part itself is to go.
bool remove_part(Node& value, const std::string& element, const FieldSet& gone,
                 const FieldSet& kept, const StructuralSchema& schema) {
  const auto leaving = gone.parts.find(element);
  if (leaving == gone.parts.end()) {
    return false;
  }
  const auto keeping = kept.parts.find(element);
  const bool wanted_by_others = keeping != kept.parts.end() && !keeping->second.empty();
  if (leaving->second.member && !wanted_by_others) {
    return true;
  }
  const bool had_parts = !value.members.empty() || !value.items.empty();
  static const FieldSet kNone;
  remove_fields(value, leaving->second, wanted_by_others ? keeping->second : kNone, schema);
  return had_parts && value.members.empty() && value.items.empty() && !wanted_by_others;
}

}  // namespace

void remove_fields(Node& target, const FieldSet& gone, const FieldSet& kept,
                   const StructuralSchema& schema) {
  if (!schema.granular()) {
    return;
  }
  std::erase_if(target.members, [&](Member& member) {
    const StructuralSchema* field = schema.field(member.key);
    return remove_part(member.value, "f:" + member.key, gone, kept, field ? *field : open_schema());
  });
  std::erase_if(target.items, [&](Node& item) {
    return remove_part(item, element_of(item, schema), gone, kept, item_schema(schema));
  });
}

}  // namespace ripcord::codec
