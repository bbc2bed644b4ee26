// SPDX-License-Identifier: Apache-2.0
#include "adapters/stdio/answers.h"
#include "adapters/stdio/message_adapter.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord::stdio {
namespace {

std::optional<std::int64_t> reported_version(const Resource& object) {
  return std::get<MigrationVersionStatus>(object.status).version;
}

// The MigrationVersion that is meant: the named one, the one called as the message's destination,
// or the only one.
Result<ResourcePtr> meant(const std::vector<ResourcePtr>& objects, const std::string& name,
                          const std::string& dest) {
  for (const std::string& wanted : {name, dest}) {
    const auto found = std::find_if(objects.begin(), objects.end(),
                                    [&](const ResourcePtr& o) { return o->meta.name == wanted; });
    if (found != objects.end()) {
      return *found;
    }
    if (!name.empty()) {
      return error(StatusCode::kNotFound,
                   fmt::format("no MigrationVersion has the name {}; there are: {}",
                               codec::string_text(name), names_of(objects)));
    }
  }
  if (objects.size() == 1) {
    return objects.front();
  }
  if (objects.empty()) {
    return error(StatusCode::kNotFound, "no MigrationVersion is declared; declare one first");
  }
  return error(StatusCode::kInvalidArgument,
               fmt::format("field name is missing: there are several MigrationVersions, name one "
                           "of: {}",
                           names_of(objects)));
}

Status is_at(std::optional<std::int64_t> actual, std::int64_t version) {
  if (actual == version) {
    return ok_status();
  }
  const std::string where = actual ? fmt::format("at version {}", *actual) : "at no version";
  return {StatusCode::kFailedPrecondition,
          fmt::format("cannot roll back from version {}: the database is {}", version, where)};
}

}  // namespace

MessageAdapter::Answer MessageAdapter::answer_rollback(const codec::RollbackMessage& request,
                                                       const codec::Message& message,
                                                       std::stop_token stop) {
  if (settings_.before_rollback) {
    RETURN_IF_ERROR(settings_.before_rollback(request.version));
  }
  ASSIGN_OR_RETURN(const ObjectList list,
                   state_.store().list(Kind::kMigrationVersion, settings_.ns));
  ASSIGN_OR_RETURN(const ResourcePtr object, meant(list.items, request.name, message.dest));
  const ObjectKey key = object->key();
  // Nothing is asked in the middle of a change that is under way.
  if (const auto seen = state_.observed(object, stop); !seen) {
    return tl::unexpected(seen.error());
  }

  MigrationOverride wanted;
  wanted.version = request.version - 1;
  wanted.by = sender(message);
  wanted.reason = reason("rollback", message);
  // What the database says counts: status is older than what somebody did by hand since.
  const auto check = [&](const Resource& current) -> Status {
    if (!settings_.schema_version) {
      return is_at(reported_version(current), request.version);
    }
    ASSIGN_OR_RETURN(const std::optional<std::int64_t> actual, settings_.schema_version(current));
    return is_at(actual, request.version);
  };
  ASSIGN_OR_RETURN(const ResourcePtr done,
                   (apply_override<MigrationVersionSpec>(state_, key, wanted, check, stop)));
  const std::optional<std::int64_t> version = reported_version(*done);
  const std::int64_t reached = version.value_or(0);
  const HistoryEntry* change =
      last_change(*done, version ? fmt::format("{}", reached) : std::string("none"));
  return codec::Reply{
      "rollback_complete",
      {{"rolled_back_from", request.version},
       {"rolled_back_to", reached},
       {"duration_seconds", rounded_seconds(change == nullptr ? 0 : change->duration_seconds)}}};
}

}  // namespace ripcord::stdio
