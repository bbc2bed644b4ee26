// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/node.h"

#include "controller/codec/utf8.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace ripcord::codec {

Node Node::boolean_of(bool value) {
  Node node;
  node.type = Type::kBool;
  node.boolean = value;
  node.text = value ? "true" : "false";
  return node;
}

Node Node::integer_of(std::int64_t value) {
  Node node;
  node.type = Type::kInteger;
  node.integer = value;
  node.text = fmt::format("{}", value);
  return node;
}

Node Node::number_of(double value) {
  std::array<char, 64> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(),
                                 std::isfinite(value) ? value : 0.0);
  Node node;
  node.type = Type::kNumber;
  node.text.assign(buffer.data(), end.ptr);
  return node;
}

Node Node::string_of(std::string value) {
  Node node;
  node.type = Type::kString;
  node.text = std::move(value);
  return node;
}

Node Node::list() {
  Node node;
  node.type = Type::kList;
  return node;
}

Node Node::map() {
  Node node;
  node.type = Type::kMap;
  return node;
}

const Member* Node::member(std::string_view key) const {
  for (const Member& candidate : members) {
    if (candidate.key == key) {
      return &candidate;
    }
  }
  return nullptr;
}

const Node* Node::find(std::string_view key) const {
  const Member* found = member(key);
  return found == nullptr ? nullptr : &found->value;
}

Node* Node::find(std::string_view key) {
  return const_cast<Node*>(std::as_const(*this).find(key));
}

void Node::set(std::string_view key, Node value) {
  if (Node* found = find(key)) {
    *found = std::move(value);
    return;
  }
  members.push_back({std::string(key), {}, std::move(value)});
}

void Node::erase(std::string_view key) {
  std::erase_if(members, [&](const Member& member) { return member.key == key; });
}

namespace {

std::vector<const Member*> sorted_members(const Node& node) {
  std::vector<const Member*> members;
  members.reserve(node.members.size());
  for (const Member& member : node.members) {
    members.push_back(&member);
  }
  std::sort(members.begin(), members.end(),
            [](const Member* a, const Member* b) { return a->key < b->key; });
  return members;
}

void print(const Node& node, KeyOrder order, std::string& out);

void print_map(const Node& node, KeyOrder order, std::string& out) {
  const char* separator = "";
  const auto print_member = [&](const Member& member) {
    out += separator;
    out += quoted(member.key);
    out += ':';
    print(member.value, order, out);
    separator = ",";
  };
  out += '{';
  if (order == KeyOrder::kSorted) {
    for (const Member* member : sorted_members(node)) {
      print_member(*member);
    }
  } else {
    for (const Member& member : node.members) {
      print_member(member);
    }
  }
  out += '}';
}

void print(const Node& node, KeyOrder order, std::string& out) {
  switch (node.type) {
    case Node::Type::kNull:
      out += "null";
      return;
    case Node::Type::kBool:
      out += node.boolean ? "true" : "false";
      return;
    case Node::Type::kInteger:
      out += fmt::format("{}", node.integer);
      return;
    case Node::Type::kNumber:
      out += node.text;
      return;
    case Node::Type::kString:
      out += quoted(node.text);
      return;
    case Node::Type::kList: {
      const char* separator = "";
      out += '[';
      for (const Node& item : node.items) {
        out += separator;
        print(item, order, out);
        separator = ",";
      }
      out += ']';
      return;
    }
    case Node::Type::kMap:
      print_map(node, order, out);
      return;
  }
}

}  // namespace

bool same_value(const Node& a, const Node& b) {
  return to_json(a, KeyOrder::kSorted) == to_json(b, KeyOrder::kSorted);
}

std::string to_json(const Node& node, KeyOrder order) {
  std::string out;
  print(node, order, out);
  return out;
}

namespace {

// Stands for itself between quotes, in one byte.
bool plain(char c) {
  return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

}  // namespace

std::string quoted(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  out += '"';
  while (!text.empty()) {
    const auto special = std::find_if_not(text.begin(), text.end(), plain);
    out.append(text.begin(), special);
    text.remove_prefix(static_cast<std::size_t>(special - text.begin()));
    if (text.empty()) {
      break;
    }
    const Utf8Char next = next_utf8(text);
    const std::string_view bytes = text.substr(0, next.length);
    text.remove_prefix(next.length);
    if (!next.valid) {
      out += "\xEF\xBF\xBD";
    } else if (next.code == '"' || next.code == '\\') {
      out += '\\';
      out += bytes;
    } else if (next.code == '\n') {
      out += "\\n";
    } else if (next.code == '\t') {
      out += "\\t";
    } else if (!printable(next.code)) {
      out += fmt::format("\\u{:04x}", next.code);
    } else {
      out += bytes;
    }
  }
  out += '"';
  return out;
}

}  // namespace ripcord::codec
