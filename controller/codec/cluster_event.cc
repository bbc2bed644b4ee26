// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/cluster_event.h"

#include "controller/base/time_text.h"

#include <nlohmann/json.hpp>

namespace ripcord::codec {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostNote = 1024;
constexpr std::size_t kMostWord = 128;

// At most `most` bytes, not ending within a character.
std::string cut(std::string_view text, std::size_t most) {
  if (text.size() <= most) {
    return std::string(text);
  }
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  return std::string(text.substr(0, end));
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string encode_event(const ClusterEvent& event) {
  return dump({{"apiVersion", "events.k8s.io/v1"},
               {"kind", "Event"},
               {"metadata", {{"name", event.name}, {"namespace", event.regarding.ns}}},
               {"eventTime", format_micro_time(event.time)},
               {"reportingController", cut(event.reporting_controller, kMostWord)},
               {"reportingInstance", cut(event.reporting_instance, kMostWord)},
               {"action", cut(event.action.empty() ? event.reason : event.action, kMostWord)},
               {"reason", cut(event.reason, kMostWord)},
               {"regarding",
                {{"apiVersion", kApiVersion},
                 {"kind", to_string(event.regarding.kind)},
                 {"namespace", event.regarding.ns},
                 {"name", event.regarding.name},
                 {"uid", event.regarding_uid}}},
               {"note", cut(event.note, kMostNote)},
               {"type", event.warning ? "Warning" : "Normal"}});
}

std::string encode_event_series(int count, WallTime last) {
  return dump({{"series", {{"count", count}, {"lastObservedTime", format_micro_time(last)}}}});
}

}  // namespace ripcord::codec
