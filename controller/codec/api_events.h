// SPDX-License-Identifier: Apache-2.0
#pragma once
// Events and namespaces as the resource API shows them, read-only. Pure functions.

#include "controller/codec/api_answer.h"

#include <string>
#include <string_view>
#include <vector>

namespace ripcord::codec {

// One event, and how often it came.
struct ApiEvent {
  std::string name;  // of the event object itself
  std::int64_t version = 0;
  ObjectKey regarding;
  std::string regarding_uid;
  bool warning = false;
  std::string reason;
  std::string action;
  std::string note;
  std::int64_t count = 1;
  WallTime first{};
  WallTime last{};
};

// core: v1, else events.k8s.io/v1.
std::string encode_event(const ApiEvent& event, bool core);
std::string encode_events(const std::vector<ApiEvent>& events, bool core, const AnswerForm& form,
                          std::int64_t version);
// What a field selector compares: "involvedObject.name", "regarding.name", "reason", "type" ...
// False when events have no such field.
bool event_field(const ApiEvent& event, std::string_view field, std::string& value);

std::string encode_namespace(std::string_view name, const AnswerForm& form, WallTime since);
std::string encode_namespaces(const std::vector<std::string>& names, const AnswerForm& form,
                              WallTime since, std::int64_t version);

}  // namespace ripcord::codec
