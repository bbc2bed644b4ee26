// SPDX-License-Identifier: Apache-2.0
#include "controller/model/transition_state.h"

#include "controller/base/sha256.h"

#include <initializer_list>

namespace ripcord {
namespace {

// Each with its length, so that no two lists give one text.
void add(std::string& text, std::initializer_list<std::string> parts) {
  for (const std::string& part : parts) {
    text += std::to_string(part.size()) + ":" + part + ",";
  }
}

std::string number(const std::optional<std::int64_t>& value) {
  return value ? std::to_string(*value) : "";
}

}  // namespace

std::string work_digest(const Transition& transition) {
  std::string text;
  add(text, {transition.name, std::to_string(transition.expand)});
  if (const auto& sync = transition.sync) {
    add(text,
        {"sync", sync->table, sync->old_column, sync->new_column, sync->to_new, sync->to_old});
  }
  if (const auto& fill = transition.backfill) {
    add(text, {"backfill", fill->table, fill->set, fill->where, fill->key});
  }
  return sha256_hex(text);
}

std::string validation_digest(const Transition& transition) {
  std::string text;
  for (const TransitionValidation& each : transition.validations) {
    add(text, {each.table, each.column, each.not_null ? "not null" : "", each.pattern, each.query,
               number(each.min), number(each.max)});
  }
  return sha256_hex(text);
}

}  // namespace ripcord
