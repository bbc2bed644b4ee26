// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/json_patch.h"

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

// A patch may name thousands of operations; each copies at most a document.
constexpr std::size_t kMaxOperations = 10'000;
// Copies of copies double each time.
constexpr std::size_t kMaxCopiedBytes = 8 * 1024 * 1024;

Status bad_patch(std::string message) {
  return {StatusCode::kInvalidArgument, std::move(message), "BadRequest"};
}
Status misfit(std::string message) {
  return {StatusCode::kInvalidArgument, std::move(message), "Invalid"};
}

Result<std::vector<std::string>> tokens_of(std::string_view pointer) {
  std::vector<std::string> tokens;
  if (!pointer.empty() && pointer.front() != '/') {
    return as_return(bad_patch(fmt::format("the path '{}' does not start with '/'", pointer)));
  }
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    std::string token;
    for (std::size_t i = 0; i < end; ++i) {
      const bool escape = pointer[i] == '~' && i + 1 < end;
      if (escape && (pointer[i + 1] == '0' || pointer[i + 1] == '1')) {
        token += pointer[++i] == '0' ? '~' : '/';
      } else {
        token += pointer[i];
      }
    }
    tokens.push_back(std::move(token));
    pointer.remove_prefix(end);
  }
  return tokens;
}

std::optional<std::size_t> index_of(const std::string& token) {
  std::size_t index = 0;
  const auto [end, failed] = std::from_chars(token.data(), token.data() + token.size(), index);
  const bool plain = failed == std::errc() && end == token.data() + token.size() &&
                     (token.size() == 1 || token.front() != '0');
  return plain ? std::optional(index) : std::nullopt;
}

Node* step(Node& node, const std::string& token) {
  if (node.type == Node::Type::kList) {
    const std::optional<std::size_t> index = index_of(token);
    return index && *index < node.items.size() ? &node.items[*index] : nullptr;
  }
  return node.find(token);
}

// The value that the path names without its last token.
Result<Node*> parent_of(Node& root, const std::vector<std::string>& tokens, std::string_view path) {
  Node* at = &root;
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    at = step(*at, tokens[i]);
    if (at == nullptr) {
      return as_return(misfit(fmt::format("the document has nothing at '{}'", path)));
    }
  }
  return at;
}

Result<Node*> value_at(Node& root, const std::string& path) {
  ASSIGN_OR_RETURN(const std::vector<std::string> tokens, tokens_of(path));
  Node* at = &root;
  for (const std::string& token : tokens) {
    at = step(*at, token);
    if (at == nullptr) {
      return as_return(misfit(fmt::format("the document has nothing at '{}'", path)));
    }
  }
  return at;
}

Status add(Node& root, const std::string& path, Node value) {
  ASSIGN_OR_RETURN(const std::vector<std::string> tokens, tokens_of(path));
  if (tokens.empty()) {
    root = std::move(value);
    return ok_status();
  }
  ASSIGN_OR_RETURN(Node * parent, parent_of(root, tokens, path));
  if (parent->is_map()) {
    parent->set(tokens.back(), std::move(value));
    return ok_status();
  }
  if (parent->type != Node::Type::kList) {
    return misfit(fmt::format("'{}' is neither in an object nor in a list", path));
  }
  const std::optional<std::size_t> index =
      tokens.back() == "-" ? parent->items.size() : index_of(tokens.back());
  if (!index || *index > parent->items.size()) {
    return misfit(fmt::format("the list has no place '{}'", path));
  }
  parent->items.insert(parent->items.begin() + static_cast<std::ptrdiff_t>(*index),
                       std::move(value));
  return ok_status();
}

Result<Node> remove(Node& root, const std::string& path) {
  ASSIGN_OR_RETURN(const std::vector<std::string> tokens, tokens_of(path));
  ASSIGN_OR_RETURN(Node * value, value_at(root, path));
  Node removed = std::move(*value);
  if (tokens.empty()) {
    root = Node();
    return removed;
  }
  ASSIGN_OR_RETURN(Node * parent, parent_of(root, tokens, path));
  if (parent->is_map()) {
    parent->erase(tokens.back());
  } else {
    parent->items.erase(parent->items.begin() +
                        static_cast<std::ptrdiff_t>(*index_of(tokens.back())));
  }
  return removed;
}

Result<std::string> text_member(const Node& operation, std::string_view key) {
  const Node* value = operation.find(key);
  if (value == nullptr || value->type != Node::Type::kString) {
    return as_return(
        bad_patch(fmt::format("an operation of a JSON patch needs the text '{}'", key)));
  }
  return value->text;
}

Status test(Node& root, const std::string& path, const Node& expected) {
  const Result<Node*> value = value_at(root, path);
  const bool absent_as_wanted = !value && expected.is_null();
  if (absent_as_wanted || (value && same_value(**value, expected))) {
    return ok_status();
  }
  return misfit(fmt::format("testing path {} failed: the value is another one", path));
}

Status move_or_copy(Node& root, const Node& operation, const std::string& path, bool move,
                    std::size_t& copied) {
  ASSIGN_OR_RETURN(const std::string from, text_member(operation, "from"));
  if (move && path.starts_with(from + "/")) {
    return misfit(fmt::format("'{}' cannot be moved into itself", from));
  }
  if (move) {
    ASSIGN_OR_RETURN(Node value, remove(root, from));
    return add(root, path, std::move(value));
  }
  ASSIGN_OR_RETURN(const Node* value, value_at(root, from));
  copied += to_json(*value).size();
  if (copied > kMaxCopiedBytes) {
    return misfit(
        fmt::format("the copies of a JSON patch have more than {} bytes", kMaxCopiedBytes));
  }
  return add(root, path, Node(*value));
}

Status run(Node& root, const Node& operation, std::size_t& copied) {
  ASSIGN_OR_RETURN(const std::string op, text_member(operation, "op"));
  ASSIGN_OR_RETURN(const std::string path, text_member(operation, "path"));
  if (op == "move" || op == "copy") {
    return move_or_copy(root, operation, path, op == "move", copied);
  }
  if (op == "remove") {
    const Result<Node> removed = remove(root, path);
    return removed ? ok_status() : removed.error();
  }
  const Node* value = operation.find("value");
  if (value == nullptr) {
    return bad_patch(fmt::format("the operation '{}' needs a value", op));
  }
  if (op == "add") {
    return add(root, path, *value);
  }
  if (op == "test") {
    return test(root, path, *value);
  }
  if (op == "replace") {
    ASSIGN_OR_RETURN(Node * target, value_at(root, path));
    *target = *value;
    return ok_status();
  }
  return bad_patch(fmt::format("'{}' is no operation of a JSON patch", op));
}

}  // namespace

void merge_into(Node& target, const Node& patch) {
  if (!patch.is_map()) {
    target = patch;
    return;
  }
  if (!target.is_map()) {
    target = Node::map();
  }
  for (const Member& member : patch.members) {
    if (member.value.is_null()) {
      target.erase(member.key);
      continue;
    }
    if (target.find(member.key) == nullptr) {
      target.set(member.key, Node());
    }
    merge_into(*target.find(member.key), member.value);
  }
}

Status apply_json_patch(Node& target, const Node& operations) {
  if (operations.type != Node::Type::kList) {
    return bad_patch("a JSON patch is a list of operations");
  }
  if (operations.items.size() > kMaxOperations) {
    return bad_patch(fmt::format("a JSON patch has at most {} operations", kMaxOperations));
  }
  std::size_t copied = 0;
  for (const Node& operation : operations.items) {
    RETURN_IF_ERROR(run(target, operation, copied));
  }
  return ok_status();
}

}  // namespace ripcord::codec
