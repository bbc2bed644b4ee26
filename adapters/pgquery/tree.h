// SPDX-License-Identifier: Apache-2.0
#pragma once
// The JSON that libpg_query writes, as a flat array in the order of the text: a subtree is a range,
// so looking at every node below one is a loop and nothing recurses. Asking a node that is not
// there is allowed and answers nothing. Reads libpg_query's own output only: Node of a text that is
// no JSON is unspecified but safe. A Node must not outlive its Tree; both are thread-compatible.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord::pgquery {

class Tree;

class Node {
 public:
  Node() = default;
  explicit operator bool() const { return tree_ != nullptr; }

  std::string_view key() const;  // in its object; empty in a list
  Node operator[](std::string_view key) const;
  Node first() const;            // child
  Node next() const;             // sibling
  Node parent() const;           // none at the root
  std::string text() const;      // of a string
  std::string_view raw() const;  // as written: a number, true; a string with its escapes
  std::int64_t number(std::int64_t otherwise) const;
  bool flag(std::string_view key) const { return (*this)[key].raw() == "true"; }
  bool is(std::string_view key, std::string_view value) const {
    return (*this)[key].raw() == value;
  }
  std::size_t count() const;  // of children

  // Calls `see` for each node below this one, in the order of the text.
  template <typename See>
  void each_below(See see) const;
  // {"String": {"sval": "x"}} and its like: the one child of a wrapper.
  Node unwrapped() const { return first(); }

 private:
  friend class Tree;
  Node(const Tree* tree, std::uint32_t at) : tree_(tree), at_(at) {}
  const Tree* tree_ = nullptr;
  std::uint32_t at_ = 0;
};

class Tree {
 public:
  explicit Tree(std::string json);
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  Node root() const { return {this, 0}; }

 private:
  friend class Node;
  struct Cell {
    std::uint32_t key = 0;
    std::uint32_t key_length = 0;
    std::uint32_t value = 0;
    std::uint32_t value_length = 0;
    std::uint32_t parent = 0;
    std::uint32_t end = 0;  // index behind the subtree
    bool escaped = false;
  };
  class Reader;

  std::string json_;
  std::vector<Cell> cells_;
};

template <typename See>
void Node::each_below(See see) const {
  if (tree_ == nullptr) {
    return;
  }
  for (std::uint32_t at = at_ + 1; at < tree_->cells_[at_].end; ++at) {
    see(Node(tree_, at));
  }
}

}  // namespace ripcord::pgquery
