// SPDX-License-Identifier: Apache-2.0
#include "controller/ports/object_rules.h"

#include "controller/model/change_rules.h"
#include "controller/model/validation.h"

#include <algorithm>
#include <array>
#include <functional>
#include <random>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

namespace ripcord {
namespace {

WallTime whole_seconds(WallTime t) {
  return std::chrono::floor<std::chrono::seconds>(t);
}

Status not_found(const ObjectKey& key) {
  return {StatusCode::kNotFound, fmt::format("{} does not exist", to_string(key))};
}

Status conflict(const ObjectKey& key, std::string_view detail) {
  return {StatusCode::kConflict,
          fmt::format("{} {}; read it again and repeat the change", to_string(key), detail)};
}

// The object a write is about must be the one that is stored, in the version that was read.
Status check_identity(const ObjectKey& key, const Metadata& stored, const std::string& uid,
                      std::int64_t version) {
  if (!uid.empty() && uid != stored.uid) {
    return conflict(key, fmt::format("is another object by now: uid {} was named, uid {} is stored",
                                     uid, stored.uid));
  }
  if (version != 0 && version != stored.resource_version) {
    return conflict(key, fmt::format("was changed in between: resource version {} was named, {} is "
                                     "stored",
                                     version, stored.resource_version));
  }
  return ok_status();
}

Status check_update(const ObjectKey& key, const Resource& wanted, const ResourcePtr& stored) {
  if (!stored) {
    return not_found(key);
  }
  if (wanted.meta.resource_version == 0) {
    return {StatusCode::kInvalidArgument,
            fmt::format("{}: metadata.resourceVersion: must be set for an update, to the version "
                        "that was read",
                        to_string(key))};
  }
  return check_identity(key, stored->meta, wanted.meta.uid, wanted.meta.resource_version);
}

Status check_finalizers(const ObjectKey& key, const Metadata& wanted, const Metadata& stored) {
  if (!stored.deletion_timestamp) {
    return ok_status();
  }
  for (const std::string& finalizer : wanted.finalizers) {
    if (std::find(stored.finalizers.begin(), stored.finalizers.end(), finalizer) ==
        stored.finalizers.end()) {
      return {StatusCode::kInvalidArgument,
              fmt::format("{}: metadata.finalizers: the object is being deleted and takes no new "
                          "finalizer; leave out '{}'",
                          to_string(key), finalizer)};
    }
  }
  return ok_status();
}

Status refused(const Resource& wanted, const FieldError& problem) {
  return {StatusCode::kInvalidArgument,
          fmt::format("{}: {}: {}", to_string(wanted.key()), problem.path, problem.message)};
}

Status check_content(const Resource& wanted, const Resource& stored) {
  if (wanted.spec != stored.spec) {
    const std::vector<FieldError> changes = validate_change(stored, wanted);
    return changes.empty() ? validation_status(wanted) : refused(wanted, changes.front());
  }
  // A value with the stored spec differs in metadata only: find what is wrong with that.
  for (const FieldError& problem : validate(wanted)) {
    if (!problem.path.starts_with("spec")) {
      return refused(wanted, problem);
    }
  }
  return ok_status();
}

// What a write leaves in `api_fields`: null keeps what is stored, an empty object clears it.
OpaqueText api_fields_after(const Metadata& wanted, const Metadata& stored) {
  if (!wanted.api_fields.text) {
    return stored.api_fields;
  }
  return *wanted.api_fields.text == "{}" ? OpaqueText() : wanted.api_fields;
}

WriteDecision changed(WatchEvent::Type type, Resource object, const WriteStamp& stamp) {
  auto shared = std::make_shared<const Resource>(std::move(object));
  return {shared, WatchEvent{type, shared, stamp.at}};
}

WriteDecision unchanged(const ResourcePtr& stored) {
  return {stored, std::nullopt};
}

Result<WriteDecision> decide_create(const ObjectWrite& write, const ResourcePtr& stored,
                                    const WriteStamp& stamp) {
  if (write.object->meta.resource_version != 0) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("{}: metadata.resourceVersion: should not be set on objects to be "
                             "created; leave it out",
                             to_string(write.key)));
  }
  RETURN_IF_ERROR(validation_status(*write.object));
  if (stored) {
    return error(StatusCode::kAlreadyExists,
                 fmt::format("{} exists already; update it instead", to_string(write.key)));
  }
  const Metadata& given = write.object->meta;
  Resource object = make_resource(write.key.kind, given.name, given.ns);
  object.meta.uid = stamp.uid;
  object.meta.generation = 1;
  object.meta.resource_version = stamp.version;
  object.meta.creation_timestamp = whole_seconds(stamp.now);
  object.meta.finalizers = given.finalizers;
  object.meta.labels = given.labels;
  object.meta.annotations = given.annotations;
  object.meta.api_fields = api_fields_after(given, object.meta);
  object.spec = write.object->spec;
  return changed(WatchEvent::Type::kAdded, std::move(object), stamp);
}

Result<WriteDecision> decide_update(const ObjectWrite& write, const ResourcePtr& stored,
                                    const WriteStamp& stamp) {
  const Resource& wanted = *write.object;
  RETURN_IF_ERROR(check_update(write.key, wanted, stored));
  RETURN_IF_ERROR(check_finalizers(write.key, wanted.meta, stored->meta));
  RETURN_IF_ERROR(check_content(wanted, *stored));
  const bool same_spec = wanted.spec == stored->spec;
  const bool last_finalizer = stored->meta.deletion_timestamp && wanted.meta.finalizers.empty();
  const OpaqueText api_fields = api_fields_after(wanted.meta, stored->meta);
  if (same_spec && !last_finalizer && wanted.meta.finalizers == stored->meta.finalizers &&
      wanted.meta.labels == stored->meta.labels &&
      wanted.meta.annotations == stored->meta.annotations &&
      api_fields == stored->meta.api_fields) {
    return unchanged(stored);
  }
  Resource object = *stored;
  object.meta.api_fields = api_fields;
  object.meta.finalizers = wanted.meta.finalizers;
  object.meta.labels = wanted.meta.labels;
  object.meta.annotations = wanted.meta.annotations;
  object.meta.resource_version = stamp.version;
  object.meta.generation += same_spec ? 0 : 1;
  object.spec = wanted.spec;
  return changed(last_finalizer ? WatchEvent::Type::kDeleted : WatchEvent::Type::kModified,
                 std::move(object), stamp);
}

Result<WriteDecision> decide_status(const ObjectWrite& write, const ResourcePtr& stored,
                                    const WriteStamp& stamp) {
  const Resource& wanted = *write.object;
  RETURN_IF_ERROR(check_update(write.key, wanted, stored));
  if (wanted.status.index() != wanted.spec.index()) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("{}: status: must be the status of a {}", to_string(write.key),
                             to_string(write.key.kind)));
  }
  const OpaqueText api_fields = api_fields_after(wanted.meta, stored->meta);
  if (wanted.status == stored->status && api_fields == stored->meta.api_fields) {
    return unchanged(stored);
  }
  Resource object = *stored;
  object.meta.api_fields = api_fields;
  object.status = wanted.status;
  object.meta.resource_version = stamp.version;
  return changed(WatchEvent::Type::kModified, std::move(object), stamp);
}

Result<WriteDecision> decide_remove(const ObjectWrite& write, const ResourcePtr& stored,
                                    const WriteStamp& stamp) {
  if (!stored) {
    return as_return(not_found(write.key));
  }
  RETURN_IF_ERROR(check_identity(write.key, stored->meta, write.preconditions.uid,
                                 write.preconditions.resource_version));
  if (stored->meta.deletion_timestamp) {
    return unchanged(stored);
  }
  Resource object = *stored;
  object.meta.resource_version = stamp.version;
  if (stored->meta.finalizers.empty()) {
    return changed(WatchEvent::Type::kDeleted, std::move(object), stamp);
  }
  object.meta.deletion_timestamp = whole_seconds(stamp.now);
  object.meta.generation += 1;
  return changed(WatchEvent::Type::kModified, std::move(object), stamp);
}

}  // namespace

ObjectWrite create_of(const Resource& object) {
  return {ObjectWrite::Verb::kCreate, object.key(), &object, {}};
}

ObjectWrite update_of(const Resource& object) {
  return {ObjectWrite::Verb::kUpdate, object.key(), &object, {}};
}

ObjectWrite status_update_of(const Resource& object) {
  return {ObjectWrite::Verb::kUpdateStatus, object.key(), &object, {}};
}

ObjectWrite removal_of(const ObjectKey& key, const Preconditions& preconditions) {
  return {ObjectWrite::Verb::kRemove, key, nullptr, preconditions};
}

Result<WriteDecision> decide_write(const ObjectWrite& write, const ResourcePtr& stored,
                                   const WriteStamp& stamp) {
  switch (write.verb) {
    case ObjectWrite::Verb::kCreate:
      return decide_create(write, stored, stamp);
    case ObjectWrite::Verb::kUpdate:
      return decide_update(write, stored, stamp);
    case ObjectWrite::Verb::kUpdateStatus:
      return decide_status(write, stored, stamp);
    case ObjectWrite::Verb::kRemove:
      return decide_remove(write, stored, stamp);
  }
  return error(StatusCode::kInternal, "unknown verb of a write");
}

std::string new_uid() {
  std::array<std::uint32_t, 4> r{};
  // Of the kernel: std::random_device asks the processor for its abilities each time, which is slow
  // in a virtual machine. For so few bytes it cannot fail once the system has started.
  if (::getentropy(r.data(), sizeof(r)) != 0) {
    std::random_device entropy;
    std::generate(r.begin(), r.end(), std::ref(entropy));
  }
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:04x}{:08x}", r[0], r[1] >> 16U, r[1] & 0xfffU,
                     0x8000U | (r[2] >> 18U), r[2] & 0xffffU, r[3]);
}

}  // namespace ripcord
