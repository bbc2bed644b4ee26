// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/yaml_writer.h"

#include "controller/codec/yaml_scalar.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace ripcord::codec {
namespace {

// Letters, digits and a few signs that mean nothing in YAML, starting with a letter or a slash.
bool plain_is_safe(std::string_view text) {
  if (text.empty() || text.size() > 128) {
    return false;
  }
  const auto letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; };
  const bool allowed = std::all_of(text.begin(), text.end(), [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') ||
           std::string_view("_-./").find(c) != std::string_view::npos;
  });
  return allowed && (letter(text.front()) || text.front() == '/') &&
         resolve_plain(text).type == Node::Type::kString;
}

std::string scalar(const Node& node) {
  if (node.type == Node::Type::kString && plain_is_safe(node.text)) {
    return node.text;
  }
  return to_json(node);
}

std::string key_text(std::string_view key) {
  return plain_is_safe(key) ? std::string(key) : quoted(key);
}

bool nested(const Node& node) {
  return !node.items.empty() || !node.members.empty();
}

void print(const Node& node, std::size_t indent, std::string& out);

void print_value(const Node& node, std::size_t indent, std::string& out) {
  if (nested(node)) {
    out += '\n';
    print(node, indent, out);
  } else {
    out += ' ' + scalar(node) + '\n';
  }
}

void print(const Node& node, std::size_t indent, std::string& out) {
  const std::string margin(indent, ' ');
  for (const Member& member : node.members) {
    out += margin + key_text(member.key) + ':';
    // A list stands at the margin of its key, as kubectl prints it.
    print_value(member.value, member.value.is_map() ? indent + 2 : indent, out);
  }
  for (const Node& item : node.items) {
    if (!nested(item)) {
      out += margin + "- " + scalar(item) + '\n';
      continue;
    }
    std::string inner;
    print(item, indent + 2, inner);
    inner[indent] = '-';
    out += inner;
  }
}

}  // namespace

std::string to_yaml(const Node& node) {
  std::string out;
  if (nested(node)) {
    print(node, 0, out);
  } else {
    out = scalar(node) + '\n';
  }
  return out;
}

}  // namespace ripcord::codec
