// SPDX-License-Identifier: Apache-2.0
#pragma once
// The messages of ripcord-adapter: JSON text <-> values. A message is a bare body
// {"type", "msg_id", ...} or an envelope {"src", "dest", "body"}. Replies are printed the way
// Python's json.dumps prints them: ", " and ": ", everything beyond ASCII escaped, shortest
// doubles. Pure functions, thread-safe; input is hostile.

#include "controller/base/status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ripcord::codec {

// Maelstrom's error codes. All but kTimeout and kCrash promise that nothing was changed.
enum class MessageErrorCode {
  kTimeout = 0,
  kNotSupported = 10,
  kTemporarilyUnavailable = 11,
  kMalformedRequest = 12,
  kCrash = 13,
  kAbort = 14,
  kKeyDoesNotExist = 20,
  kKeyAlreadyExists = 21,
  kPreconditionFailed = 22,
};

struct MessageError {
  MessageErrorCode code = MessageErrorCode::kCrash;
  std::string text;  // what is wrong and what to send instead

  bool operator==(const MessageError&) const = default;
};

struct InitMessage {
  std::string node_id;
  bool operator==(const InitMessage&) const = default;
};
struct RollbackMessage {
  std::int64_t version = 0;  // 1 .. 2^63-1
  std::string name;          // of the MigrationVersion; empty = the only one
  bool operator==(const RollbackMessage&) const = default;
};
struct DisableFeatureMessage {
  std::string feature;  // 1 .. 512 bytes of UTF-8
  bool operator==(const DisableFeatureMessage&) const = default;
};
struct SwitchTrafficMessage {
  std::string from;
  std::string to;
  std::string name;  // of the TrafficTarget; empty = the only one with both environments
  bool operator==(const SwitchTrafficMessage&) const = default;
};
struct RestoreMessage {
  std::string backup;
  bool operator==(const RestoreMessage&) const = default;
};
using MessageRequest = std::variant<InitMessage, RollbackMessage, DisableFeatureMessage,
                                    SwitchTrafficMessage, RestoreMessage>;

// A message that can be answered, because its msg_id could be read.
struct Message {
  bool enveloped = false;
  std::string src;
  std::string dest;
  std::string msg_id;   // the JSON integer as text
  std::string content;  // the body in canonical form: equal bodies have equal content
  tl::expected<MessageRequest, MessageError> request;
};

// One whole JSON value. InvalidArgument when it is no message or has no readable msg_id: then
// nobody can be answered. Everything else that is wrong is in `request`.
Result<Message> decode_message(std::string_view text);

using ReplyValue = std::variant<std::int64_t, double, bool, std::string>;
struct ReplyField {
  std::string name;
  ReplyValue value;
  bool operator==(const ReplyField&) const = default;
};
struct Reply {
  std::string type;
  std::vector<ReplyField> fields;  // after "type" and "in_reply_to", in this order
  bool operator==(const Reply&) const = default;
};
Reply error_reply(const MessageError& error);

// The reply's line, without the line end. With `node_id` the reply to an enveloped message is
// enveloped, {"src": node_id, "dest": message.src, "body": ...}; otherwise it is the bare body.
std::string encode_reply(const Reply& reply, const Message& message, std::string_view node_id);

// Python's repr of a float, but whole numbers below 2^53 without ".0": 5, 0.25, 1e-05, 1e+22.
std::string number_text(double value);
// A JSON string as json.dumps writes it. What is no UTF-8 becomes U+FFFD.
std::string string_text(std::string_view text);

}  // namespace ripcord::codec
