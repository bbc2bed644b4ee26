// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/json_scan.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

namespace ripcord::codec {
namespace {

constexpr std::size_t kMaxDigits = 18;  // fit 64 bits with sign, whatever they are
constexpr std::size_t kUsualMembers = 8;
constexpr std::size_t kMaxNumber = 64;  // bytes; finite without an exponent

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Every step says false where it gives up, and at the limits. They are counted as TreeBuilder does,
// so that it is the one to say what is wrong.
class Scanner {
 public:
  Scanner(std::string_view text, Mark start, TreeLimits limits)
      : text_(text), line_(start.line), column_(start.column), limits_(limits) {}

  std::optional<JsonValue> run() {
    space();
    Node root;
    if ((next() != '{' && next() != '[') || !value(root)) {
      return std::nullopt;
    }
    JsonValue result;
    result.length = at_;
    result.root = std::move(root);
    return result;
  }

 private:
  char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  Mark mark() const { return {line_, column_ + static_cast<int>(at_ - line_begin_)}; }
  void space() {
    for (;; ++at_) {
      const char c = next();
      if (c == '\n') {
        ++line_;
        column_ = 1;
        line_begin_ = at_ + 1;
      } else if (c != ' ' && c != '\t' && c != '\r') {
        return;
      }
    }
  }
  bool take(char c) {
    space();
    const bool here = next() == c;
    at_ += here ? 1 : 0;
    return here;
  }

  bool value(Node& node) {
    space();
    node.mark = mark();
    switch (next()) {
      case '{':
        return inside(node, Node::Type::kMap, [&] { return members(node); });
      case '[':
        return inside(node, Node::Type::kList, [&] { return items(node); });
      case '"':
        node.type = Node::Type::kString;
        return string(node.text) && count(node.text.size());
      case 't':
        return word("true") && scalar(node, Node::boolean_of(true));
      case 'f':
        return word("false") && scalar(node, Node::boolean_of(false));
      case 'n':
        return word("null") && scalar(node, Node());
      default:
        return number(node);
    }
  }
  bool inside(Node& node, Node::Type type, const auto& content) {
    node.type = type;
    if (depth_ >= limits_.depth || !count(0)) {
      return false;
    }
    ++depth_;
    ++at_;
    const bool read = content();
    --depth_;
    return read;
  }
  bool members(Node& map) {
    if (take('}')) {
      return true;
    }
    map.members.reserve(kUsualMembers);
    do {
      space();
      Member& member = map.members.emplace_back();
      member.mark = mark();
      if (!string(member.key) || !count(member.key.size()) || !take(':') || !value(member.value)) {
        return false;
      }
    } while (take(','));
    return take('}') && unique_keys(map.members);
  }
  bool items(Node& list) {
    if (take(']')) {
      return true;
    }
    do {
      if (!value(list.items.emplace_back())) {
        return false;
      }
    } while (take(','));
    return take(']');
  }
  static bool unique_keys(const std::vector<Member>& members) {
    if (members.size() <= kUsualMembers) {
      for (std::size_t i = 1; i < members.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
          if (members[i].key == members[j].key) {
            return false;
          }
        }
      }
      return true;
    }
    std::vector<std::string_view> keys;
    keys.reserve(members.size());
    for (const Member& member : members) {
      keys.push_back(member.key);
    }
    std::ranges::sort(keys);
    return std::ranges::adjacent_find(keys) == keys.end();
  }

  bool count(std::size_t bytes) {
    bytes_ += bytes;
    return ++nodes_ <= limits_.nodes && bytes_ <= limits_.text_bytes;
  }
  bool scalar(Node& node, Node value) {
    value.mark = node.mark;
    node = std::move(value);
    return count(node.text.size());
  }
  bool word(std::string_view expected) {
    const bool here = text_.substr(at_, expected.size()) == expected;
    at_ += here ? expected.size() : 0;
    return here;
  }
  bool string(std::string& text) {
    if (next() != '"') {
      return false;
    }
    for (std::size_t from = ++at_;; ++at_) {
      const char c = next();
      if (c == '"' || c == '\\') {
        text.append(text_.substr(from, at_ - from));
        ++at_;
        if (c == '"') {
          return true;
        }
        if (!escape(text)) {
          return false;
        }
        from = at_ + 1;
      } else if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x80) {
        return false;  // the end of the text as well
      }
    }
  }
  bool escape(std::string& text) {
    constexpr std::string_view kWritten = "\"\\/bfnrt";
    constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
    const std::size_t which = kWritten.find(next());
    if (which == std::string_view::npos) {
      return false;
    }
    text += kMeant[which];
    return true;
  }
  bool number(Node& node) {
    const std::size_t first = at_;
    at_ += next() == '-' ? 1 : 0;
    const std::size_t digits = skip_digits();
    if (digits == 0 || digits > kMaxDigits || (digits > 1 && text_[at_ - digits] == '0')) {
      return false;
    }
    const bool whole = next() != '.';
    if (!whole) {
      ++at_;
      if (skip_digits() == 0) {
        return false;
      }
    }
    const std::string_view written = text_.substr(first, at_ - first);
    if (next() == 'e' || next() == 'E' || written.size() > kMaxNumber || written == "-0") {
      return false;
    }
    // A whole number is written in no other way, so its text is that of Node::integer_of.
    node.type = whole ? Node::Type::kInteger : Node::Type::kNumber;
    node.text = written;
    if (whole) {
      std::from_chars(written.data(), written.data() + written.size(), node.integer);
    }
    return count(node.text.size());
  }
  std::size_t skip_digits() {
    const std::size_t first = at_;
    while (is_digit(next())) {
      ++at_;
    }
    return at_ - first;
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  int line_;
  int column_;  // of line_begin_
  std::size_t line_begin_ = 0;
  const TreeLimits limits_;
  int depth_ = 0;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

std::optional<JsonValue> scan_json_value(std::string_view text, Mark start, TreeLimits limits) {
  return Scanner(text, start, limits).run();
}

}  // namespace ripcord::codec
