// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/field_writer.h"

#include "controller/base/time_text.h"
#include "controller/codec/json_reader.h"

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

Node node_of_json(const std::string& text) {
  JsonValue value = read_json(text, {}, {});
  return value.root ? std::move(*value.root) : Node::string_of(text);
}

}  // namespace

Node FieldWriter::write(Duration value) {
  return Node::string_of(format_duration(value));
}

Node FieldWriter::write(WallTime value) {
  const bool whole = value == std::chrono::floor<std::chrono::seconds>(value);
  return Node::string_of(whole ? format_time(value) : format_micro_time(value));
}

void FieldWriter::json(std::string_view name, const std::string& member) {
  if (!member.empty()) {
    add(name, node_of_json(member));
  }
}

void FieldWriter::json_map(std::string_view name,
                           const std::map<std::string, std::string>& member) {
  Node node = Node::map();
  for (const auto& [key, text] : member) {
    node.members.push_back({key, {}, node_of_json(text)});
  }
  add(name, std::move(node));
}

void FieldWriter::one_or_many(std::string_view one, std::string_view many,
                              const std::vector<std::string>& member) {
  if (member.size() == 1) {
    add(one, write(member.front()));
  } else if (!member.empty()) {
    add(many, write(member));
  }
}

void FieldWriter::version_or_latest(std::string_view name,
                                    const std::optional<std::int64_t>& member) {
  add(name, member ? write(*member) : Node::string_of("Latest"));
}

void FieldWriter::number_in_string(std::string_view name, std::int64_t member) {
  if (member != 0) {
    add(name, Node::string_of(fmt::format("{}", member)));
  }
}

}  // namespace ripcord::codec
