// SPDX-License-Identifier: Apache-2.0
#pragma once
// The replies that were given, so that a repeated message gets the same one. Bounded: the reply
// that was longest not asked for is forgotten first. Thread-safe.

#include "controller/base/mutex.h"
#include "controller/codec/message.h"

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

namespace ripcord::stdio {

class ReplyMemory {
 public:
  ReplyMemory(std::size_t max_replies, std::size_t max_bytes)
      : max_replies_(max_replies), max_bytes_(max_bytes) {}

  // Messages are the same when sender, msg_id and content are.
  std::optional<codec::Reply> find(const codec::Message& message);
  void remember(const codec::Message& message, codec::Reply reply);

 private:
  struct Entry {
    std::string identity;
    codec::Reply reply;
    std::size_t bytes = 0;
  };

  const std::size_t max_replies_;
  const std::size_t max_bytes_;
  Mutex mutex_;
  std::list<Entry> entries_ GUARDED_BY(mutex_);  // last used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> index_ GUARDED_BY(mutex_);
  std::size_t bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace ripcord::stdio
