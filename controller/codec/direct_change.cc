// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/api_body.h"
#include "controller/codec/resource_codec.h"

#include <utility>

namespace ripcord::codec {
namespace {

// Without a schema: maps by their members, everything else as a whole.
FieldSet differing(const Node* before, const Node* after) {
  FieldSet set;
  const bool maps =
      (before == nullptr || before->is_map()) && (after == nullptr || after->is_map());
  if (!maps) {
    set.member = before == nullptr || after == nullptr || !same_value(*before, *after);
    return set;
  }
  const auto add = [&](const std::string& key) {
    const std::string element = "f:" + key;
    FieldSet part = differing(before == nullptr ? nullptr : before->find(key),
                              after == nullptr ? nullptr : after->find(key));
    if (!part.empty()) {
      set.parts.insert_or_assign(element, std::move(part));
    }
  };
  for (const Node* side : {before, after}) {
    for (const Member& member : side == nullptr ? std::vector<Member>() : side->members) {
      add(member.key);
    }
  }
  return set;
}

// What of `set` is there in `value`.
FieldSet present(const FieldSet& set, const Node& value) {
  FieldSet there;
  there.member = set.member;
  for (const auto& [element, part] : set.parts) {
    const Node* member = value.find(element.substr(2));
    FieldSet rest = member == nullptr ? FieldSet() : present(part, *member);
    if (!rest.empty()) {
      there.parts.emplace(element, std::move(rest));
    }
  }
  return there;
}

// `owned` without what `taken` names, and without all parts of what it names as a whole.
FieldSet left_of(const FieldSet& owned, const FieldSet& taken) {
  if (taken.member && taken.parts.empty()) {
    return {};
  }
  FieldSet left;
  left.member = owned.member && !taken.member;
  for (const auto& [element, part] : owned.parts) {
    const auto at = taken.parts.find(element);
    FieldSet rest = at == taken.parts.end() ? part : left_of(part, at->second);
    if (!rest.empty()) {
      left.parts.emplace(element, std::move(rest));
    }
  }
  return left;
}

}  // namespace

void own_direct_change(const Resource& live, Resource& wanted, const std::string& manager,
                       WallTime now) {
  Node object = node_of(live);
  FieldOwners owners = owners_of(object);
  const Node before = ownable_part(object, false);
  const Node after = ownable_part(node_of(wanted), false);
  const FieldSet changed = owners.empty() ? FieldSet() : differing(&before, &after);
  if (changed.empty()) {
    return;
  }
  WriteRequest request;
  request.manager = manager;
  request.now = now;
  FieldOwner mine = owner_for(request, false);
  mine.fields = present(changed, after);
  for (FieldOwner& owner : owners) {
    if (owner.same_owner(mine)) {
      mine.fields = united(std::move(mine.fields), owner.fields);
      owner.fields = FieldSet();
    } else {
      owner.fields = left_of(owner.fields, changed);
    }
  }
  owners.push_back(std::move(mine));
  set_owners(object, std::move(owners));
  keep_api_fields(object, wanted);
}

}  // namespace ripcord::codec
