// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/message.h"

#include "controller/codec/codec.h"
#include "controller/codec/message_text.h"

#include <limits>
#include <optional>
#include <set>
#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace ripcord::codec {
namespace {

using Json = nlohmann::json;
template <class T>
using Read = tl::expected<T, MessageError>;

constexpr std::size_t kFeatureBytes = 512;
constexpr std::size_t kNameBytes = 253;
constexpr std::size_t kBackupBytes = 255;  // of a file name
constexpr std::size_t kShownBytes = 80;

struct TooDeep : std::runtime_error {
  TooDeep() : std::runtime_error(fmt::format("nested more than {} deep", kMaxDepth)) {}
};

struct Parsed {
  Json value;
  std::string duplicate;  // the first key that an object has twice
};

// Fence: what nlohmann throws ends here. It keeps the last of two equal keys silently and cannot
// print what is nested very deep, so both are looked for while parsing.
Result<Parsed> parse(std::string_view text) {
  Parsed out;
  std::vector<std::set<std::string>> keys;
  const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kMaxDepth) {
      throw TooDeep();
    }
    if (event == Json::parse_event_t::object_start) {
      keys.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys.pop_back();
    } else if (event == Json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys.back().insert(key).second && out.duplicate.empty()) {
        out.duplicate = key;
      }
    }
    return true;
  };
  try {
    out.value = Json::parse(text.begin(), text.end(), check);
  } catch (const std::exception& e) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("is no JSON: {}", clipped(e.what(), 200)));
  }
  return out;
}

std::string in_quotes(std::string_view text) {
  return string_text(clipped(text, kShownBytes));
}

// What a value is, for a message to a person.
std::string shown(const Json& value) {
  if (value.is_string()) {
    return "the string " + in_quotes(value.get_ref<const std::string&>());
  }
  if (value.is_primitive()) {
    return value.dump();
  }
  return value.is_array() ? "an array" : "an object";
}

tl::unexpected<MessageError> malformed(std::string text) {
  return tl::unexpected(MessageError{MessageErrorCode::kMalformedRequest, std::move(text)});
}

// The field, or null when it is absent; JSON null counts as absent but is named as such.
const Json* find(const Json& object, const char* field) {
  const auto found = object.find(field);
  return found == object.end() ? nullptr : &*found;
}

Read<std::string> text_field(const Json& body, const char* field, std::size_t limit,
                             std::string_view example) {
  const Json* value = find(body, field);
  if (value == nullptr) {
    return malformed(fmt::format("field {} is missing: send \"{}\": {}", field, field, example));
  }
  if (!value->is_string()) {
    return malformed(fmt::format("field {} is {}, not a string: send \"{}\": {}", field,
                                 shown(*value), field, example));
  }
  const auto& text = value->get_ref<const std::string&>();
  if (text.empty()) {
    return malformed(fmt::format("field {} is empty: send \"{}\": {}", field, field, example));
  }
  if (text.size() > limit) {
    return malformed(
        fmt::format("field {} has {} bytes: send at most {}", field, text.size(), limit));
  }
  return text;
}

Read<std::string> optional_text(const Json& body, const char* field) {
  return find(body, field) == nullptr ? Read<std::string>(std::string())
                                      : text_field(body, field, kNameBytes, "\"shop\"");
}

Read<std::int64_t> version_field(const Json& body) {
  constexpr std::string_view kFix =
      "send the version the database is at, a whole number from 1 to 9223372036854775807, such as "
      "\"version\": 3";
  const Json* value = find(body, "version");
  if (value == nullptr) {
    return malformed(fmt::format("field version is missing: {}", kFix));
  }
  if (!value->is_number()) {
    return malformed(fmt::format("field version is {}, not a number: {}", shown(*value), kFix));
  }
  if (value->is_number_float()) {
    return malformed(
        fmt::format("field version is {}, not a whole number in range: {}", shown(*value), kFix));
  }
  const bool too_big = value->is_number_unsigned() &&
                       value->get<std::uint64_t>() >
                           static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (too_big || value->get<std::int64_t>() < 1) {
    return malformed(fmt::format("field version is {}, out of range: {}", shown(*value), kFix));
  }
  return value->get<std::int64_t>();
}

Read<MessageRequest> rollback_of(const Json& body) {
  const Read<std::int64_t> version = version_field(body);
  const Read<std::string> name = optional_text(body, "name");
  if (!version || !name) {
    return tl::unexpected(!version ? version.error() : name.error());
  }
  return RollbackMessage{*version, *name};
}

Read<MessageRequest> disable_feature_of(const Json& body) {
  const Read<std::string> feature = text_field(body, "feature", kFeatureBytes, "\"new_checkout\"");
  if (!feature) {
    return tl::unexpected(feature.error());
  }
  return DisableFeatureMessage{*feature};
}

Read<MessageRequest> switch_traffic_of(const Json& body) {
  const Read<std::string> from = text_field(body, "from", kNameBytes, "\"green\"");
  const Read<std::string> to = text_field(body, "to", kNameBytes, "\"blue\"");
  const Read<std::string> name = optional_text(body, "name");
  for (const Read<std::string>* field : {&from, &to, &name}) {
    if (!*field) {
      return tl::unexpected(field->error());
    }
  }
  if (*from == *to) {
    return malformed(
        fmt::format("fields from and to are both {}: name two environments", in_quotes(*from)));
  }
  return SwitchTrafficMessage{*from, *to, *name};
}

Read<MessageRequest> restore_of(const Json& body) {
  const Read<std::string> backup =
      text_field(body, "backup", kBackupBytes, "\"users_backup_20240115\"");
  if (!backup) {
    return tl::unexpected(backup.error());
  }
  return RestoreMessage{*backup};
}

Read<MessageRequest> init_of(const Json& body) {
  const Read<std::string> node = text_field(body, "node_id", kNameBytes, "\"n1\"");
  if (!node) {
    return tl::unexpected(node.error());
  }
  return InitMessage{*node};
}

Read<MessageRequest> request_of(const Json& body) {
  const Read<std::string> type =
      text_field(body, "type", std::numeric_limits<std::size_t>::max(), "\"rollback\"");
  if (!type) {
    return tl::unexpected(type.error());
  }
  if (*type == "rollback") {
    return rollback_of(body);
  }
  if (*type == "disable_feature") {
    return disable_feature_of(body);
  }
  if (*type == "switch_traffic") {
    return switch_traffic_of(body);
  }
  if (*type == "restore") {
    return restore_of(body);
  }
  if (*type == "init") {
    return init_of(body);
  }
  return tl::unexpected(MessageError{
      MessageErrorCode::kNotSupported,
      fmt::format(
          "type {} is not known: send rollback, disable_feature, switch_traffic, restore or "
          "init",
          in_quotes(*type))});
}

// Empty when the envelope's own fields are as they should be.
std::optional<MessageError> read_envelope(const Json& envelope, Message& message) {
  message.enveloped = true;
  for (const auto& [field, target] :
       {std::pair{"src", &message.src}, std::pair{"dest", &message.dest}}) {
    const Json* value = find(envelope, field);
    if (value == nullptr || value->is_null()) {
      continue;
    }
    if (!value->is_string()) {
      return MessageError{MessageErrorCode::kMalformedRequest,
                          fmt::format("field {} is {}, not a string", field, shown(*value))};
    }
    *target = value->get<std::string>();
  }
  return std::nullopt;
}

Status unanswerable(std::string why) {
  return {StatusCode::kInvalidArgument, std::move(why)};
}

}  // namespace

Result<Message> decode_message(std::string_view text) {
  std::size_t broken_at = std::string_view::npos;
  const std::string repaired = repaired_utf8(text, broken_at);
  ASSIGN_OR_RETURN(const Parsed parsed, parse(repaired));
  const Json& root = parsed.value;
  if (!root.is_object()) {
    return tl::unexpected(unanswerable("is no JSON object"));
  }
  Message message;
  std::optional<MessageError> problem;
  const Json* body = &root;
  if (const Json* inner = find(root, "body"); inner != nullptr && !root.contains("type")) {
    problem = read_envelope(root, message);
    body = inner;
  }
  const Json* id = body->is_object() ? find(*body, "msg_id") : nullptr;
  if (id == nullptr) {
    return tl::unexpected(unanswerable("has no msg_id, so it cannot be answered"));
  }
  if (!id->is_number_integer()) {
    return tl::unexpected(
        unanswerable(fmt::format("cannot be answered: msg_id is {}, not an integer", shown(*id))));
  }
  message.msg_id = id->dump();
  message.content = body->dump();
  if (broken_at != std::string_view::npos) {
    message.request = malformed(
        fmt::format("the message is no UTF-8 at byte {}: send text as UTF-8", broken_at + 1));
  } else if (!parsed.duplicate.empty()) {
    message.request = malformed(fmt::format("field {} is there twice: send it once",
                                            clipped(parsed.duplicate, kShownBytes)));
  } else if (problem) {
    message.request = tl::unexpected(*problem);
  } else {
    message.request = request_of(*body);
  }
  return message;
}

}  // namespace ripcord::codec
