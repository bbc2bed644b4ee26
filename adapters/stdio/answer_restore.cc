// SPDX-License-Identifier: Apache-2.0
#include "adapters/stdio/answers.h"
#include "adapters/stdio/message_adapter.h"
#include "adapters/stdio/object_names.h"

#include <fmt/format.h>

namespace ripcord::stdio {
namespace {

const RestoreRequestSpec& spec_of(const Resource& object) {
  return std::get<RestoreRequestSpec>(object.spec);
}

// A declared request for this backup that nobody has approved yet.
ResourcePtr waiting_for(const ObjectList& list, const std::string& backup) {
  for (const ResourcePtr& object : list.items) {
    if (spec_of(*object).backup == backup && !spec_of(*object).approval) {
      return object;
    }
  }
  return nullptr;
}

// Where a restore goes when the message does not say: where the declared ones go, if they agree.
Result<RestoreRequestSpec> destination(const ObjectList& list,
                                       const std::optional<RestoreRequestSpec>& fallback) {
  if (fallback) {
    return *fallback;
  }
  if (list.items.empty()) {
    return error(StatusCode::kFailedPrecondition,
                 "no RestoreRequest says which database to restore and where its backups are; "
                 "declare one with spec.suspend: true");
  }
  const RestoreRequestSpec& first = spec_of(*list.items.front());
  for (const ResourcePtr& object : list.items) {
    if (spec_of(*object).database != first.database) {
      return error(StatusCode::kFailedPrecondition,
                   fmt::format("the declared RestoreRequests ({}) name several databases; declare "
                               "one for this backup and approve it",
                               names_of(list.items)));
    }
  }
  return first;
}

double total_seconds(const Resource& object) {
  if (const auto& history = common(object.status).history; !history.empty()) {
    return history.front().duration_seconds;
  }
  double out = 0;
  for (const PhaseDuration& phase : std::get<RestoreRequestStatus>(object.status).durations) {
    out += phase.seconds;
  }
  return out;
}

}  // namespace

// The request as it is wanted: a waiting one approved, or a new one.
Result<ResourcePtr> MessageAdapter::wanted_restore(const codec::RestoreMessage& request,
                                                   const codec::Message& message) {
  ASSIGN_OR_RETURN(const ObjectList list, state_.store().list(Kind::kRestoreRequest, settings_.ns));
  const RestoreApproval approval{request.backup, sender(message)};
  if (const ResourcePtr waiting = waiting_for(list, request.backup)) {
    return state_.change(waiting->key(), [&approval](Resource& object) {
      auto& spec = std::get<RestoreRequestSpec>(object.spec);
      spec.approval = approval;
      spec.suspend = false;
      return ok_status();
    });
  }
  ASSIGN_OR_RETURN(RestoreRequestSpec spec, destination(list, settings_.new_restore));
  spec.suspend = false;
  spec.backup = request.backup;
  spec.mode = RestoreMode::kSwap;
  spec.approval = approval;
  const std::string salt =
      fmt::format("{}\n{}\n{}\n{}", settings_.run_id, message.src, message.msg_id, message.content);
  Resource object =
      make_resource(Kind::kRestoreRequest, object_name(request.backup, salt), settings_.ns);
  object.spec = spec;
  return state_.store().create(object);
}

MessageAdapter::Answer MessageAdapter::answer_restore(const codec::RestoreMessage& request,
                                                      const codec::Message& message,
                                                      std::stop_token stop) {
  ASSIGN_OR_RETURN(const ResourcePtr wanted, wanted_restore(request, message));
  ASSIGN_OR_RETURN(const ResourcePtr done,
                   state_.settled(wanted->key(), wanted->meta.generation, stop));
  const Status outcome = verdict(*done);
  if (outcome.code() == StatusCode::kNotFound && wanted->meta.generation == 1) {
    // Nothing was touched: leave no request behind that can never succeed.
    RETURN_IF_ERROR(state_.store().remove(done->key(), {done->meta.uid, 0}));
  }
  RETURN_IF_ERROR(outcome);
  const auto& status = std::get<RestoreRequestStatus>(done->status);
  return codec::Reply{"restore_complete",
                      {{"restored_rows", status.restored_rows},
                       {"duration_seconds", rounded_seconds(total_seconds(*done))}}};
}

}  // namespace ripcord::stdio
