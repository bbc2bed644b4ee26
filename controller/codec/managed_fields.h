// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who owns which field of a document: metadata.managedFields, and what server-side apply and every
// other write do to it, as Kubernetes does. Pure functions over documents; a document here is only
// what can be owned: labels, annotations, finalizers, owner references and spec, or status alone.

#include "controller/base/clock.h"
#include "controller/base/status.h"
#include "controller/codec/field_set.h"
#include "controller/codec/structural_schema.h"

#include <functional>
#include <string>
#include <vector>

namespace ripcord::codec {

struct FieldOwner {
  std::string manager;
  bool applies = false;     // operation Apply, else Update
  std::string subresource;  // "status" or empty
  std::string api_version;
  std::string time;
  FieldSet fields;

  bool same_owner(const FieldOwner& other) const {
    return manager == other.manager && applies == other.applies && subresource == other.subresource;
  }
  bool operator==(const FieldOwner&) const = default;
};
using FieldOwners = std::vector<FieldOwner>;

// Of a whole object; entries that cannot be read are left out.
FieldOwners owners_of(const Node& object);
void set_owners(Node& object, FieldOwners owners);

// What of a whole object can be owned by a write of it, or of its status.
Node ownable_part(const Node& object, bool status);

// `writer` wrote `after` over `before`: it owns what it changed, others lose that. Nothing happens
// when nothing differs.
void own_changes(FieldOwners& owners, const FieldOwner& writer, const Node& before,
                 const Node& after, const StructuralSchema& schema);

struct FieldConflict {
  FieldOwner owner;
  std::string path;
};

struct ApplyOutcome {
  Node document;
  FieldOwners owners;
  std::vector<FieldConflict> conflicts;  // not empty: nothing is to be written
};

// Lays `applied` over `before`, removes what this applier named before and does not name now, and
// moves ownership; with `force`, takes what others own. `normal` gives a document its defaults and
// its usual form, or says why it is no valid one.
Result<ApplyOutcome> apply_fields(FieldOwners owners, const FieldOwner& applier, const Node& before,
                                  const Node& applied, const StructuralSchema& schema, bool force,
                                  const std::function<Result<Node>(const Node&)>& normal);

// "Apply failed with 1 conflict: conflict with ...", as kubectl shows it.
std::string conflict_message(const std::vector<FieldConflict>& conflicts);
std::string conflict_owner(const FieldOwner& owner);

}  // namespace ripcord::codec
