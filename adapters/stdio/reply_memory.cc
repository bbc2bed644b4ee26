// SPDX-License-Identifier: Apache-2.0
#include "adapters/stdio/reply_memory.h"

#include <fmt/format.h>

namespace ripcord::stdio {
namespace {

// Lengths first, so that no two messages share one by moving text between the parts.
std::string identity_of(const codec::Message& message) {
  return fmt::format("{}:{}:{}:{}{}{}", message.enveloped ? 'e' : 'b', message.src.size(),
                     message.msg_id.size(), message.src, message.msg_id, message.content);
}

std::size_t bytes_of(const codec::Reply& reply) {
  std::size_t out = reply.type.size() + 64;
  for (const codec::ReplyField& field : reply.fields) {
    const auto* text = std::get_if<std::string>(&field.value);
    out += field.name.size() + 64 + (text == nullptr ? 0 : text->size());
  }
  return out;
}

}  // namespace

std::optional<codec::Reply> ReplyMemory::find(const codec::Message& message) {
  const std::string identity = identity_of(message);
  MutexLock lock(mutex_);
  const auto found = index_.find(identity);
  if (found == index_.end()) {
    return std::nullopt;
  }
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->reply;
}

void ReplyMemory::remember(const codec::Message& message, codec::Reply reply) {
  Entry entry{identity_of(message), std::move(reply), 0};
  entry.bytes = entry.identity.size() + bytes_of(entry.reply);
  MutexLock lock(mutex_);
  if (index_.contains(entry.identity)) {
    return;
  }
  bytes_ += entry.bytes;
  entries_.push_front(std::move(entry));
  index_.emplace(entries_.front().identity, entries_.begin());
  while (entries_.size() > 1 && (entries_.size() > max_replies_ || bytes_ > max_bytes_)) {
    bytes_ -= entries_.back().bytes;
    index_.erase(entries_.back().identity);
    entries_.pop_back();
  }
}

}  // namespace ripcord::stdio
