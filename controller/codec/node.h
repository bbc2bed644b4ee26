// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a YAML or JSON document is inside the codec: a tree in which every value and every key knows
// where it was written. Readers build it, the decoder reads it, the writers print it. Regular
// values; sizes and depth are bounded by whoever builds the tree.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord::codec {

// 1-based; 0 = not known (a tree that was not read from text).
struct Mark {
  int line = 0;
  int column = 0;
};

// Something wrong at a place in a document.
struct Problem {
  Mark mark;
  std::string field;  // "spec.enabled"; empty when the document itself is broken
  std::string message;
};
using Problems = std::vector<Problem>;

struct Member;

struct Node {
  enum class Type { kNull, kBool, kInteger, kNumber, kString, kList, kMap };

  Type type = Type::kNull;
  Mark mark;
  bool boolean = false;
  std::int64_t integer = 0;  // kInteger: fits 64 bits with sign
  // kString: the text. kNumber: the JSON literal. kBool, kInteger: as written.
  std::string text;
  std::vector<Node> items;      // kList
  std::vector<Member> members;  // kMap, keys unique, in the order written

  static Node boolean_of(bool value);
  static Node integer_of(std::int64_t value);
  static Node number_of(double value);  // not finite: 0, JSON has no other
  static Node string_of(std::string value);
  static Node list();
  static Node map();

  bool is_null() const { return type == Type::kNull; }
  bool is_map() const { return type == Type::kMap; }
  // The value of a key; null when this is no map or has no such key.
  const Node* find(std::string_view key) const;
  Node* find(std::string_view key);
  const Member* member(std::string_view key) const;
  // Adds or replaces.
  void set(std::string_view key, Node value);
  void erase(std::string_view key);
};

struct Member {
  std::string key;
  Mark mark;
  Node value;
};

// Same JSON value; marks and the order of keys do not matter.
bool same_value(const Node& a, const Node& b);

enum class KeyOrder { kAsWritten, kSorted };

// Compact JSON, always valid UTF-8 (broken bytes become U+FFFD).
std::string to_json(const Node& node, KeyOrder order = KeyOrder::kAsWritten);
// One JSON string with its quotes; also a valid YAML double-quoted scalar.
std::string quoted(std::string_view text);

}  // namespace ripcord::codec
