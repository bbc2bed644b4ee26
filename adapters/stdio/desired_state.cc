// SPDX-License-Identifier: Apache-2.0
#include "adapters/stdio/desired_state.h"

#include "controller/base/time_text.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord::stdio {
namespace {

constexpr int kConflicts = 100;

std::string said(const Resource& object) {
  const Condition* ready = common(object.status).conditions.find(kReady);
  return ready == nullptr ? "the controller has not looked at it yet" : ready->message;
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
         !conditions.is_true(kReconciling);
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
  const MonoTime deadline = clock_.now() + patience_;
  for (;;) {
    ASSIGN_OR_RETURN(ResourcePtr seen, store_.get(key));
    if (is_settled(*seen, generation)) {
      return seen;
    }
    const std::string uid = seen->meta.uid;
    auto watch = store_.watch(key.kind, seen->meta.resource_version);
    bool expired = !watch && watch.error().code() == StatusCode::kExpired;
    if (!watch && !expired) {
      return tl::unexpected(watch.error());
    }
    while (!expired) {
      const Result<WatchEvent> event = (*watch)->next(deadline - clock_.now(), stop);
      if (!event && event.error().code() == StatusCode::kDeadlineExceeded) {
        return error(StatusCode::kDeadlineExceeded,
                     fmt::format("{} was not verified within {}; what it said last: {}. The change "
                                 "stays wanted",
                                 to_string(key), format_duration(patience_), said(*seen)));
      }
      expired = !event && event.error().code() == StatusCode::kExpired;
      if (expired) {
        break;
      }
      if (!event) {
        return tl::unexpected(event.error());
      }
      if (event->object->key() != key) {
        continue;
      }
      if (event->type == WatchEvent::Type::kDeleted || event->object->meta.uid != uid) {
        return error(StatusCode::kConflict,
                     fmt::format("{} was deleted before it was verified", to_string(key)));
      }
      seen = event->object;
      if (is_settled(*seen, generation)) {
        return seen;
      }
    }
  }
}

}  // namespace ripcord::stdio
