// SPDX-License-Identifier: Apache-2.0
#pragma once
// Answers messages as a client of an ObjectStore: each becomes a change of desired state, and the
// reply says what the controller then verified and measured. A message that is refused has changed
// nothing, or was taken back; only the codes 0 and 13 leave that open. Thread-safe: messages of
// different kinds may be answered at the same time, those of one kind in the order they came.

#include "adapters/stdio/desired_state.h"
#include "adapters/stdio/reply_memory.h"
#include "controller/codec/message.h"

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

namespace ripcord::stdio {

struct MessageSettings {
  std::string ns{kDefaultNamespace};
  // Distinguishes the RestoreRequests of this run from those of another.
  std::string run_id;
  // How long the controller may take to verify a change.
  Duration patience = std::chrono::hours(1);
  // What becomes of a flag that no FeatureFlag has the key of; without it, error 20.
  std::optional<FeatureFlagSpec> new_flag;
  // Where to restore to when no RestoreRequest says so; without it, error 22.
  std::optional<RestoreRequestSpec> new_restore;
  // Called with the version of each rollback before anything else.
  std::function<Status(std::int64_t version)> before_rollback;
  // Asks the database of a MigrationVersion which version it is at now; without it, the status that
  // the controller wrote last counts.
  std::function<Result<std::optional<std::int64_t>>(const Resource& migration)> schema_version;
  std::size_t remembered_replies = 4096;
  std::size_t remembered_bytes = 32 * 1024 * 1024;
};

class MessageAdapter {
 public:
  // Store and clock must outlive it. The clock measures patience only.
  MessageAdapter(ObjectStore& store, const Clock& clock, MessageSettings settings);

  // The line to reply, without its end. A message with the sender, msg_id and content of an earlier
  // one gets the earlier reply and changes nothing.
  std::string answer(const codec::Message& message, std::stop_token stop);

 private:
  using Answer = Result<codec::Reply>;

  codec::Reply reply_to(const codec::Message& message, std::stop_token stop);
  Answer answer_init(const codec::InitMessage& request);
  Answer answer_rollback(const codec::RollbackMessage& request, const codec::Message& message,
                         std::stop_token stop);
  Answer answer_feature(const codec::DisableFeatureMessage& request, const codec::Message& message,
                        std::stop_token stop);
  Answer answer_traffic(const codec::SwitchTrafficMessage& request, const codec::Message& message,
                        std::stop_token stop);
  Answer answer_restore(const codec::RestoreMessage& request, const codec::Message& message,
                        std::stop_token stop);
  Result<ResourcePtr> wanted_restore(const codec::RestoreMessage& request,
                                     const codec::Message& message);
  std::string node_id() const;

  DesiredState state_;
  const MessageSettings settings_;
  ReplyMemory memory_;
  mutable Mutex mutex_;
  std::string node_id_ GUARDED_BY(mutex_);  // empty before init
};

}  // namespace ripcord::stdio
