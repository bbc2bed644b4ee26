// SPDX-License-Identifier: Apache-2.0
#pragma once
// Builds a Node from the events of a parser and holds the limits: depth, number of nodes, bytes of
// text, duplicate keys, merge keys. Every call says false once something was wrong; the parser then
// stops and problem() says what. Used by one thread, for one document.

#include "controller/codec/node.h"

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace ripcord::codec {

struct TreeLimits {
  int depth = 64;
  std::size_t nodes = 100'000;
  std::size_t text_bytes = 4 * 1024 * 1024;  // after aliases are written out
};

class TreeBuilder {
 public:
  explicit TreeBuilder(TreeLimits limits) : limits_(limits) {}

  bool begin_list(Mark mark) { return begin(Node::Type::kList, mark); }
  bool begin_map(Mark mark) { return begin(Node::Type::kMap, mark); }
  bool end();
  // A key of the innermost map; `merge` for YAML's `<<`.
  bool key(std::string text, Mark mark, bool merge = false);
  // A scalar, or a finished sub-tree (an alias), as the next item or value.
  bool value(Node node);

  // True when the next event has to be a key.
  bool wants_key() const;
  bool done() const { return done_; }
  Node take_root() { return std::move(root_); }
  // The value that was finished last: after end() and value().
  const Node& last() const { return *last_; }
  bool fail(Mark mark, std::string message);
  const std::optional<Problem>& problem() const { return problem_; }

 private:
  struct Frame {
    Node node;
    std::string key;
    Mark key_mark;
    bool has_key = false;
    bool merging = false;
    std::unordered_set<std::string> keys;
    std::vector<Node> merges;                      // values of `<<`
    std::unordered_set<std::string> before_merge;  // keys written above `<<`
  };

  bool begin(Node::Type type, Mark mark);
  bool count(std::size_t nodes, std::size_t bytes, Mark mark);
  bool attach(Node node);
  bool merge_into(Frame& frame);
  bool merge_one(Frame& frame, const Node& source);

  TreeLimits limits_;
  std::vector<Frame> stack_;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
  Node root_;
  const Node* last_ = nullptr;
  bool done_ = false;
  std::optional<Problem> problem_;
};

}  // namespace ripcord::codec
