// SPDX-License-Identifier: Apache-2.0
#pragma once
// Node -> model, strictly. A FieldReader stands on one mapping; `describe` (fields.h) names each
// field of a type once, for reading and for writing. Problems are collected, not thrown; a field
// that is absent or null keeps the value the member has, which is its default.

#include "controller/base/clock.h"
#include "controller/codec/enum_names.h"
#include "controller/codec/node.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace ripcord::codec {

class FieldReader {
 public:
  static constexpr bool kReads = true;

  // `node` and `problems` outlive the reader.
  FieldReader(const Node& node, std::string path, Problems& problems)
      : node_(node), path_(std::move(path)), problems_(problems) {}
  // Reports every field that was not asked for.
  void finish() const;

  template <class T>
  void field(std::string_view name, T& member) {
    if (const Node* node = take(name)) {
      read(*node, child(name), member);
    }
  }
  // As `field`; the writer leaves it out when it has the type's empty value.
  template <class T>
  void optional(std::string_view name, T& member) {
    field(name, member);
  }
  // As `field`, but it has to be there.
  template <class T>
  void required(std::string_view name, T& member) {
    if (!has(name)) {
      fail_missing(name);
    }
    field(name, member);
  }
  // A nested mapping whose members live in the same struct.
  template <class F>
  void group(std::string_view name, F&& describe_group) {
    const Node* node = take(name);
    if (node != nullptr && expect_map(*node, child(name))) {
      FieldReader inner(*node, child(name), problems_);
      describe_group(inner);
      inner.finish();
    }
  }
  // JSON values kept as canonical JSON text.
  void json(std::string_view name, std::string& member);
  void json_map(std::string_view name, std::map<std::string, std::string>& member);
  // One text, or a list of them under the other name.
  void one_or_many(std::string_view one, std::string_view many, std::vector<std::string>& member);
  void version_or_latest(std::string_view name, std::optional<std::int64_t>& member);
  // resourceVersion: a number in a string.
  void number_in_string(std::string_view name, std::int64_t& member);
  // A mapping without fields; true when it is there.
  bool marker(std::string_view name);
  // Accepted and not looked at.
  void ignore(std::string_view name) { take(name); }
  void fail(std::string_view name, std::string message);
  bool has(std::string_view name) const;

 private:
  void fail_missing(std::string_view name);
  const Node* take(std::string_view name);
  std::string child(std::string_view name) const;
  static std::string joined(const std::string& path, std::string_view key);
  bool expect_map(const Node& node, const std::string& path);
  bool expect_list(const Node& node, const std::string& path);
  void wrong_type(const Node& node, const std::string& path, std::string_view wanted,
                  std::string_view example);
  void unknown_word(const Node& node, const std::string& path,
                    const std::vector<std::string_view>& known);

  void read(const Node& node, const std::string& path, bool& value);
  void read(const Node& node, const std::string& path, std::int64_t& value);
  void read(const Node& node, const std::string& path, std::int32_t& value);
  void read(const Node& node, const std::string& path, double& value);
  void read(const Node& node, const std::string& path, std::string& value);
  void read(const Node& node, const std::string& path, Duration& value);
  void read(const Node& node, const std::string& path, WallTime& value);
  template <class T>
  void read(const Node& node, const std::string& path, std::optional<T>& value) {
    read(node, path, value.emplace());
  }
  template <class T>
  void read(const Node& node, const std::string& path, std::vector<T>& value) {
    value.clear();
    if (!expect_list(node, path)) {
      return;
    }
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      read(node.items[i], path + "[" + std::to_string(i) + "]", value.emplace_back());
    }
  }
  template <class T>
  void read(const Node& node, const std::string& path, std::map<std::string, T>& value) {
    value.clear();
    if (!expect_map(node, path)) {
      return;
    }
    for (const Member& member : node.members) {
      read(member.value, joined(path, member.key), value[member.key]);
    }
  }
  template <class T>
  void read(const Node& node, const std::string& path, T& value) {
    if constexpr (std::is_enum_v<T>) {
      std::vector<std::string_view> known;
      for (const auto& [name, enumerator] : names(T{})) {
        if (node.type == Node::Type::kString && node.text == name) {
          value = enumerator;
          return;
        }
        known.push_back(name);
      }
      unknown_word(node, path, known);
    } else if (expect_map(node, path)) {
      FieldReader inner(node, path, problems_);
      describe(inner, value);
      inner.finish();
    }
  }

  const Node& node_;
  std::string path_;
  Problems& problems_;
  std::vector<std::string_view> known_;
};

}  // namespace ripcord::codec
