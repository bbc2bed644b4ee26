// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/managed_fields.h"

#include "controller/codec/field_ownership.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

constexpr std::size_t kMaxUpdaters = 10;
constexpr std::array<std::string_view, 4> kOwnedMetadata = {"labels", "annotations", "finalizers",
                                                            "ownerReferences"};

std::string text_of(const Node& node, std::string_view key) {
  const Node* value = node.find(key);
  return value == nullptr ? std::string() : value->text;
}

FieldOwner* find_owner(FieldOwners& owners, const FieldOwner& wanted) {
  const auto at = std::find_if(owners.begin(), owners.end(),
                               [&](const FieldOwner& owner) { return owner.same_owner(wanted); });
  return at == owners.end() ? nullptr : &*at;
}

FieldOwner& owner_entry(FieldOwners& owners, const FieldOwner& wanted) {
  if (FieldOwner* present = find_owner(owners, wanted)) {
    return *present;
  }
  owners.push_back(wanted);
  owners.back().fields = FieldSet();
  return owners.back();
}

void forget_owners_of_nothing(FieldOwners& owners) {
  std::erase_if(owners, [](const FieldOwner& owner) { return owner.fields.empty(); });
}

// As the API server does: many updaters of long ago become one.
void merge_oldest_updaters(FieldOwners& owners) {
  for (;;) {
    FieldOwner* oldest = nullptr;
    std::size_t updaters = 0;
    for (FieldOwner& owner : owners) {
      if (!owner.applies && owner.manager != "ancient-changes") {
        ++updaters;
        oldest = oldest == nullptr || owner.time < oldest->time ? &owner : oldest;
      }
    }
    if (updaters <= kMaxUpdaters) {
      return;
    }
    FieldOwner merged = *oldest;
    oldest->fields = FieldSet();
    merged.manager = "ancient-changes";
    FieldOwner& ancient = owner_entry(owners, merged);
    ancient.fields = united(std::move(ancient.fields), merged.fields);
    ancient.time = merged.time;
    forget_owners_of_nothing(owners);
  }
}

FieldSet fields_of_others(const FieldOwners& owners, const FieldOwner& me) {
  FieldSet fields;
  for (const FieldOwner& owner : owners) {
    if (!owner.same_owner(me)) {
      fields = united(std::move(fields), owner.fields);
    }
  }
  return fields;
}

void take_from_others(FieldOwners& owners, const FieldOwner& me, const FieldChanges& changes) {
  for (FieldOwner& owner : owners) {
    if (!owner.same_owner(me)) {
      owner.fields = without(without(owner.fields, changes.changed), changes.removed);
    }
  }
}

std::vector<FieldConflict> conflicts_of(const FieldOwners& owners, const FieldOwner& me,
                                        const FieldSet& changed) {
  std::vector<FieldConflict> conflicts;
  for (const FieldOwner& owner : owners) {
    if (!owner.same_owner(me)) {
      for (std::string& path : readable(common_part(owner.fields, changed))) {
        conflicts.push_back({owner, std::move(path)});
      }
    }
  }
  return conflicts;
}

}  // namespace

FieldOwners owners_of(const Node& object) {
  FieldOwners owners;
  const Node* metadata = object.find("metadata");
  const Node* entries = metadata == nullptr ? nullptr : metadata->find("managedFields");
  if (entries == nullptr) {
    return owners;
  }
  for (const Node& entry : entries->items) {
    const Node* fields = entry.find("fieldsV1");
    if (fields == nullptr || !fields->is_map()) {
      continue;
    }
    owners.push_back({text_of(entry, "manager"), text_of(entry, "operation") == "Apply",
                      text_of(entry, "subresource"), text_of(entry, "apiVersion"),
                      text_of(entry, "time"), field_set_of(*fields)});
  }
  return owners;
}

void set_owners(Node& object, FieldOwners owners) {
  forget_owners_of_nothing(owners);
  merge_oldest_updaters(owners);
  std::stable_sort(owners.begin(), owners.end(), [](const FieldOwner& a, const FieldOwner& b) {
    return a.applies != b.applies ? a.applies
                                  : std::tie(a.time, a.manager) < std::tie(b.time, b.manager);
  });
  Node entries = Node::list();
  for (const FieldOwner& owner : owners) {
    Node entry = Node::map();
    entry.set("manager", Node::string_of(owner.manager));
    entry.set("operation", Node::string_of(owner.applies ? "Apply" : "Update"));
    entry.set("apiVersion", Node::string_of(owner.api_version));
    entry.set("time", Node::string_of(owner.time));
    entry.set("fieldsType", Node::string_of("FieldsV1"));
    entry.set("fieldsV1", node_of(owner.fields));
    if (!owner.subresource.empty()) {
      entry.set("subresource", Node::string_of(owner.subresource));
    }
    entries.items.push_back(std::move(entry));
  }
  if (Node* metadata = object.find("metadata")) {
    metadata->set("managedFields", std::move(entries));
  }
}

Node ownable_part(const Node& object, bool status) {
  Node part = Node::map();
  const std::string_view body = status ? "status" : "spec";
  if (const Node* metadata = object.find("metadata"); metadata != nullptr && !status) {
    Node owned = Node::map();
    for (const std::string_view key : kOwnedMetadata) {
      if (const Node* value = metadata->find(key); value != nullptr && !value->is_null()) {
        owned.set(key, *value);
      }
    }
    if (!owned.members.empty()) {
      part.set("metadata", std::move(owned));
    }
  }
  if (const Node* value = object.find(body); value != nullptr && value->is_map()) {
    part.set(body, *value);
  }
  return part;
}

void own_changes(FieldOwners& owners, const FieldOwner& writer, const Node& before,
                 const Node& after, const StructuralSchema& schema) {
  const FieldChanges changes = compare_fields(before, after, schema);
  if (changes.changed.empty() && changes.removed.empty()) {
    return;
  }
  take_from_others(owners, writer, changes);
  FieldOwner& mine = owner_entry(owners, writer);
  mine.fields = united(without(mine.fields, changes.removed), changes.changed);
  mine.time = writer.time;
  forget_owners_of_nothing(owners);
}

Result<ApplyOutcome> apply_fields(FieldOwners owners, const FieldOwner& applier, const Node& before,
                                  const Node& applied, const StructuralSchema& schema, bool force,
                                  const std::function<Result<Node>(const Node&)>& normal) {
  const FieldSet named = applied.members.empty() ? FieldSet() : fields_of(applied, schema);
  const FieldOwner* known = find_owner(owners, applier);
  const FieldSet last = known == nullptr ? FieldSet() : known->fields;
  Node merged = before;
  lay_over(merged, applied, schema);
  remove_fields(merged, without(last, named), united(fields_of_others(owners, applier), named),
                schema);
  ASSIGN_OR_RETURN(merged, normal(merged));

  const FieldChanges changes = compare_fields(before, merged, schema);
  std::vector<FieldConflict> conflicts = conflicts_of(owners, applier, changes.changed);
  if (!conflicts.empty() && !force) {
    return ApplyOutcome{std::move(merged), std::move(owners), std::move(conflicts)};
  }
  take_from_others(owners, applier, changes);
  FieldOwner& mine = owner_entry(owners, applier);
  if (mine.fields != named || !changes.changed.empty() || !changes.removed.empty()) {
    mine.fields = named;
    mine.time = applier.time;
  }
  forget_owners_of_nothing(owners);
  return ApplyOutcome{std::move(merged), std::move(owners), {}};
}

std::string conflict_owner(const FieldOwner& owner) {
  std::string text = "\"" + owner.manager + "\"";
  if (!owner.subresource.empty()) {
    text += " with subresource \"" + owner.subresource + "\"";
  }
  return owner.applies ? text : text + " using " + owner.api_version;
}

std::string conflict_message(const std::vector<FieldConflict>& conflicts) {
  if (conflicts.size() == 1) {
    return fmt::format("Apply failed with 1 conflict: conflict with {}: {}",
                       conflict_owner(conflicts.front().owner), conflicts.front().path);
  }
  std::map<std::string, std::string> paths;
  for (const FieldConflict& conflict : conflicts) {
    paths[conflict_owner(conflict.owner)] += "\n- " + conflict.path;
  }
  std::string text;
  for (const auto& [owner, list] : paths) {
    text += fmt::format("{}conflicts with {}:{}", text.empty() ? "" : "\n", owner, list);
  }
  return fmt::format("Apply failed with {} conflicts: {}", conflicts.size(), text);
}

}  // namespace ripcord::codec
