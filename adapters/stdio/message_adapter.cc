// SPDX-License-Identifier: Apache-2.0
#include "adapters/stdio/message_adapter.h"

#include "adapters/stdio/answers.h"

#include <fmt/format.h>

namespace ripcord::stdio {
namespace {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

}  // namespace

MessageAdapter::MessageAdapter(ObjectStore& store, const Clock& clock, MessageSettings settings)
    : state_(store, clock, settings.patience),
      settings_(std::move(settings)),
      memory_(settings_.remembered_replies, settings_.remembered_bytes) {}

std::string MessageAdapter::answer(const codec::Message& message, std::stop_token stop) {
  std::optional<codec::Reply> reply = memory_.find(message);
  if (!reply) {
    reply = reply_to(message, stop);
    memory_.remember(message, *reply);
  }
  return codec::encode_reply(*reply, message, node_id());
}

codec::Reply MessageAdapter::reply_to(const codec::Message& message, std::stop_token stop) {
  if (!message.request) {
    return codec::error_reply(message.request.error());
  }
  const auto answer = Overloaded{
      [&](const codec::InitMessage& m) { return answer_init(m); },
      [&](const codec::RollbackMessage& m) { return answer_rollback(m, message, stop); },
      [&](const codec::DisableFeatureMessage& m) { return answer_feature(m, message, stop); },
      [&](const codec::SwitchTrafficMessage& m) { return answer_traffic(m, message, stop); },
      [&](const codec::RestoreMessage& m) { return answer_restore(m, message, stop); },
  };
  const Answer reply = std::visit(answer, *message.request);
  return reply ? *reply : codec::error_reply(message_error(reply.error()));
}

MessageAdapter::Answer MessageAdapter::answer_init(const codec::InitMessage& request) {
  MutexLock lock(mutex_);
  if (!node_id_.empty() && node_id_ != request.node_id) {
    return error(StatusCode::kFailedPrecondition,
                 fmt::format("this adapter is node {} already; start another one",
                             codec::string_text(node_id_)));
  }
  node_id_ = request.node_id;
  return codec::Reply{"init_ok", {}};
}

std::string MessageAdapter::node_id() const {
  MutexLock lock(mutex_);
  return node_id_;
}

}  // namespace ripcord::stdio
