// SPDX-License-Identifier: Apache-2.0
#pragma once
// Events and namespaces as the resource API shows them, read-only. Pure functions.

#include "controller/codec/api_answer.h"

#include <map>
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
std::string encode_event(const ApiEvent& event, bool core, const AnswerForm& form);
std::string encode_events(const std::vector<ApiEvent>& events, bool core, const AnswerForm& form,
                          std::int64_t version);
// What a field selector compares: "involvedObject.name", "regarding.name", "reason", "type" ...
// False when events have no such field.
bool event_field(const ApiEvent& event, std::string_view field, std::string& value);

struct ApiNamespace {
  std::string name;
  std::int64_t version = 0;
  WallTime since{};
};

std::string encode_namespace(const ApiNamespace& one, const AnswerForm& form);
std::string encode_namespaces(const std::vector<ApiNamespace>& all, const AnswerForm& form,
                              std::int64_t version);
std::map<std::string, std::string> labels_of(const ApiNamespace& one);

}  // namespace ripcord::codec
