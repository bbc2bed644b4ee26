// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/status_writer.h"

#include "controller/strategies/rollback_metrics.h"

#include <algorithm>

namespace ripcord {
namespace {

// The condition that a person looks at first.
const Condition* headline(const Resource& object) {
  const ConditionSet& conditions = common(object.status).conditions;
  const Condition* stalled = conditions.find(kStalled);
  return stalled != nullptr ? stalled : conditions.find(kReady);
}

// At most what events.k8s.io takes, cut between characters.
std::string note_of(const std::string& message) {
  constexpr std::size_t kLimit = 1024;
  std::size_t end = std::min(message.size(), kLimit);
  while (end < message.size() && end > 0 &&
         (static_cast<unsigned char>(message[end]) & 0xc0U) == 0x80U) {
    --end;
  }
  return message.substr(0, end);
}

}  // namespace

Status StatusWriter::publish(Resource& object) {
  return write(object);
}

Status StatusWriter::finish(Resource& object) {
  const Status written = write_difference(object);
  if (written.code() != StatusCode::kConflict) {
    return written;
  }
  metrics_.add(metric::kWriteConflicts, {snake_name(object.kind())});
  const Result<ResourcePtr> now = store_.get(object.key());
  const bool ours = now && (*now)->meta.uid == object.meta.uid && (*now)->status == stored_->status;
  if (ours) {
    object.meta.resource_version = (*now)->meta.resource_version;
    if (const Status again = write_difference(object); !again.ok()) {
      return again;
    }
  }
  return written;
}

Status StatusWriter::write_difference(Resource& object) {
  common(object.status).observed_generation = stored_->meta.generation;
  if (object.status == stored_->status) {
    metrics_.add(metric::kSuppressedWrites, {snake_name(object.kind())});
    return ok_status();
  }
  return write(object);
}

Status StatusWriter::write(Resource& object) {
  common(object.status).observed_generation = stored_->meta.generation;
  ASSIGN_OR_RETURN(const ResourcePtr written, store_.update_status(object));
  tell(*stored_, object);
  // Its metadata may be newer than what this reconcile acts on; the generation acted on stays.
  auto stored = std::make_shared<Resource>(object);
  stored->meta.resource_version = written->meta.resource_version;
  object.meta.resource_version = written->meta.resource_version;
  stored_ = std::move(stored);
  return ok_status();
}

void StatusWriter::tell(const Resource& before, const Resource& after) {
  const Condition* was = headline(before);
  const Condition* is = headline(after);
  if (is == nullptr || (was != nullptr && was->type == is->type && was->status == is->status &&
                        was->reason == is->reason)) {
    return;
  }
  const bool bad = is->type == kStalled;
  events_.record({after.key(), after.meta.uid, bad ? Event::Type::kWarning : Event::Type::kNormal,
                  is->reason, "Reconcile", note_of(is->message)});
}

}  // namespace ripcord
