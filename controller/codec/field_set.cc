// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/field_set.h"

#include "controller/codec/json_reader.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

// `k:{"type":"Ready"}` -> `[type="Ready"]`, `v:"a"` -> `[="a"]`, `f:spec` -> `.spec`.
std::string readable_element(const std::string& element) {
  const std::string rest = element.substr(std::min<std::size_t>(2, element.size()));
  if (element.starts_with("f:")) {
    return "." + rest;
  }
  if (element.starts_with("k:")) {
    const JsonValue keys = read_json(rest, {1, 1}, {});
    std::string text;
    for (const Member& key : keys.root ? keys.root->members : std::vector<Member>()) {
      text += fmt::format("{}{}={}", text.empty() ? "" : ",", key.key, to_json(key.value));
    }
    return "[" + text + "]";
  }
  return element.starts_with("v:") ? "[=" + rest + "]" : "[" + rest + "]";
}

void collect(const FieldSet& set, const std::string& path, std::vector<std::string>& out) {
  if (set.member && !path.empty()) {
    out.push_back(path);
  }
  for (const auto& [element, part] : set.parts) {
    collect(part, path + readable_element(element), out);
  }
}

}  // namespace

bool FieldSet::empty() const {
  return !member && std::all_of(parts.begin(), parts.end(),
                                [](const auto& part) { return part.second.empty(); });
}

FieldSet united(FieldSet a, const FieldSet& b) {
  a.member = a.member || b.member;
  for (const auto& [element, part] : b.parts) {
    const auto at = a.parts.find(element);
    if (at == a.parts.end()) {
      a.parts.emplace(element, part);
    } else {
      at->second = united(std::move(at->second), part);
    }
  }
  return a;
}

FieldSet without(const FieldSet& a, const FieldSet& b) {
  FieldSet left;
  left.member = a.member && !b.member;
  for (const auto& [element, part] : a.parts) {
    const auto at = b.parts.find(element);
    FieldSet rest = at == b.parts.end() ? part : without(part, at->second);
    if (!rest.empty()) {
      left.parts.emplace(element, std::move(rest));
    }
  }
  return left;
}

FieldSet common_part(const FieldSet& a, const FieldSet& b) {
  FieldSet both;
  both.member = a.member && b.member;
  for (const auto& [element, part] : a.parts) {
    const auto at = b.parts.find(element);
    FieldSet rest = at == b.parts.end() ? FieldSet() : common_part(part, at->second);
    if (!rest.empty()) {
      both.parts.emplace(element, std::move(rest));
    }
  }
  return both;
}

std::vector<std::string> readable(const FieldSet& set) {
  std::vector<std::string> paths;
  collect(set, "", paths);
  return paths;
}

Node node_of(const FieldSet& set) {
  Node node = Node::map();
  if (set.member && !set.parts.empty()) {
    node.set(".", Node::map());
  }
  for (const auto& [element, part] : set.parts) {
    node.set(element, node_of(part));
  }
  return node;
}

FieldSet field_set_of(const Node& fields_v1) {
  FieldSet set;
  for (const Member& member : fields_v1.members) {
    if (member.key == ".") {
      set.member = true;
    } else {
      set.parts.emplace(member.key, field_set_of(member.value));
    }
  }
  set.member = set.member || set.parts.empty();
  return set;
}

}  // namespace ripcord::codec
