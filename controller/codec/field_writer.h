// SPDX-License-Identifier: Apache-2.0
#pragma once
// Model -> Node: the counterpart of FieldReader, driven by the same `describe` functions.

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

class FieldWriter {
 public:
  static constexpr bool kReads = false;

  Node take() { return std::move(node_); }

  template <class T>
  void field(std::string_view name, const T& member) {
    add(name, write(member));
  }
  template <class T>
  void field(std::string_view name, const std::optional<T>& member) {
    optional(name, member);
  }
  template <class T>
  void optional(std::string_view name, const T& member) {
    if (member != T{}) {
      add(name, write(member));
    }
  }
  template <class T>
  void optional(std::string_view name, const std::optional<T>& member) {
    if (member) {
      add(name, write(*member));
    }
  }
  template <class T>
  void required(std::string_view name, const T& member) {
    field(name, member);
  }
  template <class F>
  void group(std::string_view name, F&& describe_group) {
    FieldWriter inner;
    describe_group(inner);
    if (!inner.node_.members.empty()) {
      add(name, inner.take());
    }
  }
  void json(std::string_view name, const std::string& member);
  void json_map(std::string_view name, const std::map<std::string, std::string>& member);
  void one_or_many(std::string_view one, std::string_view many,
                   const std::vector<std::string>& member);
  void version_or_latest(std::string_view name, const std::optional<std::int64_t>& member);
  void number_in_string(std::string_view name, std::int64_t member);
  bool marker(std::string_view) { return false; }
  void ignore(std::string_view) {}
  void fail(std::string_view, std::string) {}

 private:
  void add(std::string_view name, Node node) {
    node_.members.push_back({std::string(name), {}, std::move(node)});
  }

  static Node write(bool value) { return Node::boolean_of(value); }
  static Node write(std::int64_t value) { return Node::integer_of(value); }
  static Node write(std::int32_t value) { return Node::integer_of(value); }
  static Node write(double value) { return Node::number_of(value); }
  static Node write(const std::string& value) { return Node::string_of(value); }
  static Node write(Duration value);
  static Node write(WallTime value);
  template <class T>
  static Node write(const std::vector<T>& value) {
    Node node = Node::list();
    for (const T& item : value) {
      node.items.push_back(write(item));
    }
    return node;
  }
  template <class T>
  static Node write(const std::map<std::string, T>& value) {
    Node node = Node::map();
    for (const auto& [key, item] : value) {
      node.members.push_back({key, {}, write(item)});
    }
    return node;
  }
  template <class T>
  static Node write(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      for (const auto& [name, enumerator] : names(T{})) {
        if (enumerator == value) {
          return Node::string_of(std::string(name));
        }
      }
      return Node::string_of("Unknown");
    } else {
      FieldWriter inner;
      // `describe` serves reading too, so it takes a mutable value; a writer only looks.
      describe(inner, const_cast<T&>(value));
      return inner.take();
    }
  }

  Node node_ = Node::map();
};

}  // namespace ripcord::codec
