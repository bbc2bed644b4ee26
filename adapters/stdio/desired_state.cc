// SPDX-License-Identifier: Apache-2.0
#include "adapters/stdio/desired_state.h"

#include "controller/base/time_text.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord::stdio {
namespace {

constexpr int kConflicts = 100;
constexpr Duration kLookPatience = std::chrono::seconds(10);

std::string said(const Resource& object) {
  const Condition* ready = common(object.status).conditions.find(kReady);
  return ready == nullptr ? "the controller has not looked at it yet" : ready->message;
}

// Something is missing that only a person can give, although the controller goes on looking: then
// Ready's reason is that of a hold, which is a condition too.
bool is_held(const ConditionSet& conditions, const Condition& ready) {
  return ready.reason == "ApprovalRequired" ||
         (ready.reason != kReconciling && conditions.is_true(ready.reason));
}

}  // namespace

bool is_settled(const Resource& object, std::int64_t generation) {
  const CommonStatus& status = common(object.status);
  if (status.observed_generation < generation) {
    return false;
  }
  const ConditionSet& conditions = status.conditions;
  const Condition* ready = conditions.find(kReady);
  if (ready == nullptr || ready->observed_generation < generation) {
    return false;
  }
  return ready->status == ConditionState::kTrue || conditions.is_true(kStalled) ||
         !conditions.is_true(kReconciling) || is_held(conditions, *ready);
}

Status verdict(const Resource& object) {
  const ConditionSet& conditions = common(object.status).conditions;
  const Condition* ready = conditions.find(kReady);
  if (ready != nullptr && ready->status == ConditionState::kTrue) {
    return ok_status();
  }
  if (ready == nullptr) {
    return {StatusCode::kUnavailable, said(object)};
  }
  const bool missing = ready->reason.find("NotFound") != std::string::npos;
  return {missing ? StatusCode::kNotFound : StatusCode::kFailedPrecondition, ready->message,
          ready->reason};
}

Status not_suspended(const Resource& object) {
  if (!suspended(object.spec)) {
    return ok_status();
  }
  return {StatusCode::kFailedPrecondition,
          fmt::format("{} is suspended; set spec.suspend to false first", to_string(object.key()))};
}

Result<ResourcePtr> DesiredState::change(const ObjectKey& key,
                                         const std::function<Status(Resource&)>& change) {
  for (int tries = 0; tries < kConflicts; ++tries) {
    ASSIGN_OR_RETURN(const ResourcePtr current, store_.get(key));
    Resource wanted = *current;
    RETURN_IF_ERROR(change(wanted));
    Result<ResourcePtr> written = store_.update(wanted);
    if (written || written.error().code() != StatusCode::kConflict) {
      return written;
    }
  }
  return error(StatusCode::kConflict,
               fmt::format("{} is written by somebody else all the time; nothing was changed",
                           to_string(key)));
}

Result<ResourcePtr> DesiredState::settled(const ObjectKey& key, std::int64_t generation,
                                          std::stop_token stop) {
  Result<ResourcePtr> seen = wait(key, generation, patience_, std::move(stop));
  if (!seen && seen.error().code() == StatusCode::kDeadlineExceeded) {
    return error(StatusCode::kDeadlineExceeded,
                 seen.error().message() + ". The change stays wanted");
  }
  return seen;
}

Result<ResourcePtr> DesiredState::observed(const ResourcePtr& object, std::stop_token stop) {
  RETURN_IF_ERROR(not_suspended(*object));
  Result<ResourcePtr> seen = wait(object->key(), object->meta.generation,
                                  std::min(patience_, kLookPatience), std::move(stop));
  if (!seen && seen.error().code() == StatusCode::kDeadlineExceeded) {
    return error(StatusCode::kUnavailable, seen.error().message() + ". Nothing was changed");
  }
  return seen;
}

Result<ResourcePtr> DesiredState::wait(const ObjectKey& key, std::int64_t generation,
                                       Duration patience, std::stop_token stop) {
  const MonoTime deadline = clock_.now() + patience;
  for (;;) {
    ASSIGN_OR_RETURN(ResourcePtr seen, store_.get(key));
    const auto watch = store_.watch(key.kind, seen->meta.resource_version);
    Status ended = watch ? ok_status() : watch.error();
    while (ended.ok() && !is_settled(*seen, generation)) {
      Result<WatchEvent> event = (*watch)->next(deadline - clock_.now(), stop);
      if (!event) {
        ended = event.error();
      } else if (event->object->key() == key) {
        if (event->type == WatchEvent::Type::kDeleted) {
          return error(StatusCode::kCancelled,
                       fmt::format("{} was deleted before it was verified", to_string(key)));
        }
        seen = event->object;
      }
    }
    if (ended.ok()) {
      return seen;
    }
    if (ended.code() == StatusCode::kDeadlineExceeded) {
      return error(StatusCode::kDeadlineExceeded,
                   fmt::format("{} was not verified within {}; what it said last: {}",
                               to_string(key), format_duration(patience), said(*seen)));
    }
    // A watch that is too far behind starts again from what is there now.
    if (ended.code() != StatusCode::kExpired) {
      return tl::unexpected(ended);
    }
  }
}

}  // namespace ripcord::stdio
