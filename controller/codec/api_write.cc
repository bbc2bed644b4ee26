// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/api_write.h"

#include "controller/codec/api_body.h"
#include "controller/codec/field_ownership.h"
#include "controller/codec/json_patch.h"
#include "controller/codec/resource_codec.h"

#include <utility>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

Status conflict(const ObjectKey& key, std::string_view what) {
  return {StatusCode::kConflict,
          fmt::format("Operation cannot be fulfilled on {} \"{}\": {}", qualified_plural(key.kind),
                      key.name, what),
          "Conflict"};
}

// An object that was never applied and whose owners nobody noted stays without them, as on the real
// server; a new one has owners from the start.
void note_owners(Node& object, const Resource* live, const Node& before, const Resource& value,
                 const KindEntry& entry, const WriteRequest& request) {
  FieldOwners owners = owners_of(object);
  if (live == nullptr || !owners.empty()) {
    own_changes(owners, owner_for(request, false), ownable_part(before, request.status),
                ownable_part(node_of(value), request.status), entry.schema);
  }
  set_owners(object, std::move(owners));
}

// `object` is `live` as the request wants it.
Result<Resource> updated(const ApiCatalog& catalog, const WriteRequest& request,
                         const Resource& live, Node object, WriteNotes& notes) {
  const KindEntry& entry = catalog.parts().of(live.kind());
  const Node before = node_of(live);
  Node& metadata = *object.find("metadata");
  if (metadata_field(object, "managedFields") == nullptr) {
    if (const Node* kept = metadata_field(before, "managedFields")) {
      metadata.set("managedFields", *kept);
    }
  }
  if (request.status) {
    // All of it is as it is stored, but for status and the version that was read.
    const Node* status = object.find("status");
    Node merged = before;
    merged.set("status", status == nullptr ? Node::map() : *status);
    Node& kept = *merged.find("metadata");
    for (const std::string_view key : {"resourceVersion", "uid", "managedFields"}) {
      if (const Node* value = metadata_field(object, key)) {
        kept.set(key, *value);
      } else {
        kept.erase(key);
      }
    }
    object = std::move(merged);
  } else {
    object.erase("status");
  }
  ASSIGN_OR_RETURN(Resource value, value_of(object, entry, &live, notes));
  note_owners(object, &live, before, value, entry, request);
  keep_api_fields(object, value);
  if (!request.status) {
    value.status = live.status;
  }
  return value;
}

Status check_new(const Node& object, const ObjectKey& key, WriteNotes& notes) {
  if (const Node* version = metadata_field(object, "resourceVersion");
      version != nullptr && !version->text.empty() && version->text != "0") {
    return bad_request("resourceVersion should not be set on objects to be created");
  }
  const Node* name = metadata_field(object, "name");
  if (name == nullptr || name->text.empty()) {
    return invalid_object(key, notes,
                          {{"FieldValueRequired",
                            "Required value: name or generateName is required", "metadata.name"}});
  }
  return ok_status();
}

// What a new object has not yet.
void drop_server_fields(Node& object) {
  Node& metadata = *object.find("metadata");
  for (const std::string_view key :
       {"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
        "deletionGracePeriodSeconds", "selfLink", "managedFields"}) {
    metadata.erase(key);
  }
  object.erase("status");
}

}  // namespace

std::string qualified_plural(Kind kind) {
  return fmt::format("{}.{}", plural(kind), kApiGroup);
}

Result<Resource> create_from(const ApiCatalog& catalog, const WriteRequest& request,
                             std::string_view body, WriteNotes& notes) {
  const KindEntry& entry = catalog.parts().of(request.key.kind);
  ASSIGN_OR_RETURN(Node object, read_body(body));
  RETURN_IF_ERROR(match_path(object, request.key));
  RETURN_IF_ERROR(check_fields(object, entry, request, notes));
  Node& metadata = *object.find("metadata");
  const Node* prefix = metadata_field(object, "generateName");
  const Node* name = metadata_field(object, "name");
  if (prefix != nullptr && !prefix->text.empty() && (name == nullptr || name->text.empty())) {
    metadata.set("name", Node::string_of(prefix->text + request.name_suffix));
  }
  RETURN_IF_ERROR(check_new(object, request.key, notes));
  drop_server_fields(object);
  ASSIGN_OR_RETURN(Resource value, value_of(object, entry, nullptr, notes));
  note_owners(object, nullptr, Node::map(), value, entry, request);
  keep_api_fields(object, value);
  return value;
}

Result<Resource> replace_from(const ApiCatalog& catalog, const WriteRequest& request,
                              const Resource& live, std::string_view body, WriteNotes& notes) {
  ASSIGN_OR_RETURN(Node object, read_body(body));
  RETURN_IF_ERROR(match_path(object, request.key));
  const Node* version = metadata_field(object, "resourceVersion");
  if (version == nullptr || version->text.empty()) {
    return as_return(
        invalid_object(request.key, notes,
                       {{"FieldValueInvalid", "Invalid value: 0: must be specified for an update",
                         "metadata.resourceVersion"}}));
  }
  RETURN_IF_ERROR(check_fields(object, catalog.parts().of(live.kind()), request, notes));
  return updated(catalog, request, live, std::move(object), notes);
}

Result<Resource> patch_from(const ApiCatalog& catalog, const WriteRequest& request, PatchForm form,
                            const Resource& live, std::string_view body, WriteNotes& notes) {
  ASSIGN_OR_RETURN(const Node patch, read_body(body));
  Node object = node_of(live);
  if (form == PatchForm::kJson) {
    RETURN_IF_ERROR(apply_json_patch(object, patch));
  } else if (patch.is_map()) {
    merge_into(object, patch);
  } else {
    return as_return(bad_request("a merge patch is a JSON object"));
  }
  RETURN_IF_ERROR(match_path(object, request.key));
  Node& metadata = *object.find("metadata");
  if (metadata_field(object, "resourceVersion") == nullptr) {
    metadata.set("resourceVersion", Node::string_of(std::to_string(live.meta.resource_version)));
  }
  if (request.status) {
    metadata.set("uid",
                 Node::string_of(live.meta.uid));  // as the real server: only the version counts
  }
  Status fields = check_fields(object, catalog.parts().of(live.kind()), request, notes);
  if (!fields.ok()) {
    // As the real server: what came by a patch is wrong with the patch.
    return as_return(
        invalid_object(request.key, notes,
                       {{"FieldValueInvalid", "Invalid value: " + fields.message(), "patch"}}));
  }
  return updated(catalog, request, live, std::move(object), notes);
}

namespace {

Status check_applied(const Node& applied, const WriteRequest& request, const Resource* live) {
  const Node* managed = metadata_field(applied, "managedFields");
  if (managed != nullptr && !managed->items.empty()) {
    return bad_request("metadata.managedFields must be nil");
  }
  const Node* uid = metadata_field(applied, "uid");
  if (uid != nullptr && (live == nullptr || live->meta.uid != uid->text)) {
    return conflict(
        request.key,
        fmt::format("uid mismatch: the provided object specified uid {}, and {}", uid->text,
                    live == nullptr ? std::string("no existing object was found")
                                    : "the existing one has " + live->meta.uid));
  }
  return ok_status();
}

FieldOwners owners_before(const Node& before, const Resource* live, const KindEntry& entry,
                          const WriteRequest& request) {
  FieldOwners owners = owners_of(before);
  if (live != nullptr && owners.empty()) {
    FieldOwner first = owner_for(request, false);
    first.manager = "before-first-apply";
    first.subresource.clear();
    first.fields = fields_of(ownable_part(before, false), entry.schema);
    owners.push_back(std::move(first));
  }
  return owners;
}

// The whole object with `part` in the place of what can be owned.
Node with_part(Node object, const Node& part, bool status) {
  const std::string_view body = status ? "status" : "spec";
  if (!status) {
    Node& metadata = *object.find("metadata");
    const Node* owned = part.find("metadata");
    for (const std::string_view key : {"labels", "annotations", "finalizers", "ownerReferences"}) {
      const Node* value = owned == nullptr ? nullptr : owned->find(key);
      if (value == nullptr) {
        metadata.erase(key);
      } else {
        metadata.set(key, *value);
      }
    }
    object.erase("status");
  }
  const Node* value = part.find(body);
  object.set(body, value == nullptr ? Node::map() : *value);
  return object;
}

Status refuse_conflicts(const std::vector<FieldConflict>& conflicts, WriteNotes& notes) {
  for (const FieldConflict& found : conflicts) {
    notes.causes.push_back(
        {"FieldManagerConflict", "conflict with " + conflict_owner(found.owner), found.path});
  }
  return {StatusCode::kConflict, conflict_message(conflicts), "Conflict"};
}

}  // namespace

Result<Resource> apply_from(const ApiCatalog& catalog, const WriteRequest& request,
                            const Resource* live, std::string_view body, WriteNotes& notes) {
  const KindEntry& entry = catalog.parts().of(request.key.kind);
  ASSIGN_OR_RETURN(Node applied, read_body(body));
  RETURN_IF_ERROR(match_path(applied, request.key));
  RETURN_IF_ERROR(check_fields(applied, entry, request, notes));
  RETURN_IF_ERROR(check_applied(applied, request, live));
  Node object = live == nullptr ? applied : node_of(*live);
  if (live == nullptr) {
    drop_server_fields(object);
  }
  const Node before = live == nullptr ? Node::map() : ownable_part(object, request.status);
  std::optional<Resource> value;
  const auto normal = [&](const Node& part) -> Result<Node> {
    ASSIGN_OR_RETURN(value, value_of(with_part(object, part, request.status), entry, live, notes));
    return ownable_part(node_of(*value), request.status);
  };
  ASSIGN_OR_RETURN(
      ApplyOutcome outcome,
      apply_fields(owners_before(object, live, entry, request), owner_for(request, true), before,
                   ownable_part(applied, request.status), entry.schema, request.force, normal));
  if (!outcome.conflicts.empty()) {
    return as_return(refuse_conflicts(outcome.conflicts, notes));
  }
  object = with_part(std::move(object), outcome.document, request.status);
  set_owners(object, std::move(outcome.owners));
  keep_api_fields(object, *value);
  if (const Node* version = metadata_field(applied, "resourceVersion"); version && live) {
    if (version->text != std::to_string(live->meta.resource_version)) {
      return as_return(conflict(request.key,
                                "the object has been modified; please apply your changes to the "
                                "latest version and try again"));
    }
  }
  if (live != nullptr && !request.status) {
    value->status = live->status;
  }
  return std::move(*value);
}

}  // namespace ripcord::codec
