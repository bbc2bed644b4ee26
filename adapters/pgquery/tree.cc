// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/tree.h"

#include <algorithm>
#include <charconv>

namespace ripcord::pgquery {
namespace {

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0U | (code >> 6U));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  } else {
    out += static_cast<char>(0xE0U | (code >> 12U));
    out += static_cast<char>(0x80U | ((code >> 6U) & 0x3FU));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  }
}

char unescaped(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    default:
      return c;
  }
}

// libpg_query escapes control characters, <, > and quotes; other characters stand as UTF-8.
std::string unescape(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\' || i + 1 >= raw.size()) {
      out += raw[i];
    } else if (raw[++i] != 'u') {
      out += unescaped(raw[i]);
    } else if (i + 4 < raw.size()) {
      std::uint32_t code = 0;
      std::from_chars(raw.data() + i + 1, raw.data() + i + 5, code, 16);
      append_utf8(out, code);
      i += 4;
    }
  }
  return out;
}

}  // namespace

class Tree::Reader {
 public:
  Reader(std::string_view json, std::vector<Cell>& cells) : json_(json), cells_(cells) {}

  void run() {
    cells_.reserve(json_.size() / 16 + 4);
    while (at_ < json_.size()) {
      const char c = json_[at_];
      if (c == '{' || c == '[') {
        open(c);
      } else if (c == '}' || c == ']') {
        close();
      } else if (c == '"') {
        string();
      } else if (c == ',' || c == ':' || c == ' ' || c == '\n') {
        ++at_;
      } else {
        bare();
      }
    }
    while (!open_.empty()) {
      close();
    }
    if (cells_.empty()) {
      cells_.emplace_back().end = 1;
    }
  }

 private:
  Cell& add() {
    Cell& cell = cells_.emplace_back(pending_);
    pending_ = {};
    cell.parent = open_.empty() ? 0 : open_.back();
    cell.end = static_cast<std::uint32_t>(cells_.size());
    return cell;
  }
  void open(char c) {
    add();
    open_.push_back(static_cast<std::uint32_t>(cells_.size() - 1));
    objects_.push_back(c == '{');
    ++at_;
  }
  void close() {
    ++at_;
    if (!open_.empty()) {
      cells_[open_.back()].end = static_cast<std::uint32_t>(cells_.size());
      open_.pop_back();
      objects_.pop_back();
    }
  }
  void string() {
    const std::size_t begin = ++at_;
    bool escaped = false;
    while (at_ < json_.size() && json_[at_] != '"') {
      escaped = escaped || json_[at_] == '\\';
      at_ += json_[at_] == '\\' ? 2 : 1;
    }
    const std::size_t end = std::min(at_, json_.size());
    at_ = end + 1;
    const bool is_key = !objects_.empty() && objects_.back() && pending_.key == 0;
    if (is_key) {
      pending_.key = static_cast<std::uint32_t>(begin);
      pending_.key_length = static_cast<std::uint32_t>(end - begin);
      return;
    }
    Cell& cell = add();
    cell.value = static_cast<std::uint32_t>(begin);
    cell.value_length = static_cast<std::uint32_t>(end - begin);
    cell.escaped = escaped;
  }
  void bare() {
    const std::size_t begin = at_;
    at_ = std::min(json_.find_first_of(",}] \n", at_), json_.size());
    Cell& cell = add();
    cell.value = static_cast<std::uint32_t>(begin);
    cell.value_length = static_cast<std::uint32_t>(at_ - begin);
  }

  std::string_view json_;
  std::vector<Cell>& cells_;
  std::size_t at_ = 0;
  Cell pending_;
  std::vector<std::uint32_t> open_;
  std::vector<bool> objects_;
};

Tree::Tree(std::string json) : json_(std::move(json)) {
  Reader(json_, cells_).run();
}

std::string_view Node::key() const {
  if (tree_ == nullptr) {
    return {};
  }
  const auto& cell = tree_->cells_[at_];
  return std::string_view(tree_->json_).substr(cell.key, cell.key_length);
}

std::string_view Node::raw() const {
  if (tree_ == nullptr) {
    return {};
  }
  const auto& cell = tree_->cells_[at_];
  return std::string_view(tree_->json_).substr(cell.value, cell.value_length);
}

std::string Node::text() const {
  return tree_ != nullptr && tree_->cells_[at_].escaped ? unescape(raw()) : std::string(raw());
}

std::int64_t Node::number(std::int64_t otherwise) const {
  const std::string_view digits = raw();
  std::int64_t value = otherwise;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

Node Node::first() const {
  const bool has = tree_ != nullptr && tree_->cells_[at_].end > at_ + 1;
  return has ? Node(tree_, at_ + 1) : Node();
}

Node Node::next() const {
  if (tree_ == nullptr || at_ == 0) {
    return {};
  }
  const auto& cell = tree_->cells_[at_];
  return cell.end < tree_->cells_[cell.parent].end ? Node(tree_, cell.end) : Node();
}

Node Node::parent() const {
  return tree_ == nullptr || at_ == 0 ? Node() : Node(tree_, tree_->cells_[at_].parent);
}

Node Node::operator[](std::string_view key) const {
  for (Node child = first(); child; child = child.next()) {
    if (child.key() == key) {
      return child;
    }
  }
  return {};
}

std::size_t Node::count() const {
  std::size_t count = 0;
  for (Node child = first(); child; child = child.next()) {
    ++count;
  }
  return count;
}

}  // namespace ripcord::pgquery
