// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/tree_builder.h"

#include "controller/codec/suggest.h"

#include <utility>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

constexpr std::size_t kUsualMembers = 8;  // moving them is dear

struct TreeSize {
  std::size_t nodes = 0;
  std::size_t bytes = 0;
  int depth = 0;
};

TreeSize measure(const Node& node) {
  TreeSize size{1, node.text.size(), 0};
  const auto add = [&](const Node& child) {
    const TreeSize inner = measure(child);
    size.nodes += inner.nodes;
    size.bytes += inner.bytes;
    size.depth = std::max(size.depth, inner.depth + 1);
  };
  for (const Node& item : node.items) {
    add(item);
  }
  for (const Member& member : node.members) {
    size.bytes += member.key.size();
    add(member.value);
  }
  return size;
}

}  // namespace

bool TreeBuilder::fail(Mark mark, std::string message) {
  if (!problem_) {
    problem_ = Problem{mark, "", std::move(message)};
  }
  return false;
}

bool TreeBuilder::count(std::size_t nodes, std::size_t bytes, Mark mark) {
  nodes_ += nodes;
  bytes_ += bytes;
  if (nodes_ > limits_.nodes) {
    return fail(mark, fmt::format("the document has more than {} values (aliases written out); "
                                  "split it into several documents",
                                  limits_.nodes));
  }
  if (bytes_ > limits_.text_bytes) {
    return fail(mark, fmt::format("the document has more than {} bytes of text once aliases are "
                                  "written out; write fewer aliases",
                                  limits_.text_bytes));
  }
  return true;
}

bool TreeBuilder::begin(Node::Type type, Mark mark) {
  if (stack_.size() >= static_cast<std::size_t>(limits_.depth)) {
    return fail(mark, fmt::format("nested more than {} levels deep; no manifest needs that",
                                  limits_.depth));
  }
  if (!count(1, 0, mark)) {
    return false;
  }
  Frame frame;
  frame.node.type = type;
  frame.node.mark = mark;
  stack_.push_back(std::move(frame));
  return true;
}

bool TreeBuilder::end() {
  Frame frame = std::move(stack_.back());
  stack_.pop_back();
  if (!frame.merges.empty() && !merge_into(frame)) {
    return false;
  }
  return attach(std::move(frame.node));
}

bool TreeBuilder::wants_key() const {
  return !stack_.empty() && stack_.back().node.is_map() && !stack_.back().has_key;
}

bool TreeBuilder::key(std::string text, Mark mark, bool merge) {
  Frame& frame = stack_.back();
  if (!count(1, text.size(), mark)) {
    return false;
  }
  if (!frame.keys.insert(text).second) {
    return fail(mark, fmt::format("duplicate key {}; keep one of the two", echo(text)));
  }
  if (merge) {
    frame.before_merge = frame.keys;
  }
  frame.key = std::move(text);
  frame.key_mark = mark;
  frame.merging = merge;
  frame.has_key = true;
  return true;
}

bool TreeBuilder::value(Node node) {
  const TreeSize size = measure(node);
  if (stack_.size() + static_cast<std::size_t>(size.depth) >
      static_cast<std::size_t>(limits_.depth)) {
    return fail(node.mark, fmt::format("nested more than {} levels deep; no manifest needs that",
                                       limits_.depth));
  }
  return count(size.nodes, size.bytes, node.mark) && attach(std::move(node));
}

bool TreeBuilder::attach(Node node) {
  if (stack_.empty()) {
    root_ = std::move(node);
    last_ = &root_;
    done_ = true;
    return true;
  }
  Frame& frame = stack_.back();
  if (!frame.node.is_map()) {
    frame.node.items.push_back(std::move(node));
    last_ = &frame.node.items.back();
    return true;
  }
  if (!frame.has_key) {
    return fail(node.mark, "a key has to be text, not a list or a mapping");
  }
  frame.has_key = false;
  if (frame.node.members.empty()) {
    frame.node.members.reserve(kUsualMembers);
  }
  if (frame.merging) {
    frame.merges.push_back(std::move(node));
    last_ = &frame.merges.back();
    return true;
  }
  frame.node.members.push_back({std::move(frame.key), frame.key_mark, std::move(node)});
  last_ = &frame.node.members.back().value;
  return true;
}

bool TreeBuilder::merge_one(Frame& frame, const Node& source) {
  if (!source.is_map()) {
    return fail(source.mark, "'<<' merges mappings only; write `<<: *name` with the anchor of one");
  }
  for (const Member& member : source.members) {
    // YAML lets the written key win wherever it stands, kubectl lets the later one win.
    if (frame.before_merge.contains(member.key)) {
      return fail(frame.key_mark,
                  fmt::format("'<<' brings {} which is written above it, and tools disagree which "
                              "one wins; write '<<' first",
                              echo(member.key)));
    }
    if (frame.keys.insert(member.key).second) {
      frame.node.members.push_back(member);
    }
  }
  return true;
}

bool TreeBuilder::merge_into(Frame& frame) {
  const Node& value = frame.merges.front();  // a second `<<` is a duplicate key
  if (value.type != Node::Type::kList) {
    return merge_one(frame, value);
  }
  for (const Node& source : value.items) {
    if (!merge_one(frame, source)) {
      return false;
    }
  }
  return true;
}

}  // namespace ripcord::codec
