// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/json_scan.h"

#include <charconv>
#include <cstdint>
#include <string>
#include <utility>

namespace ripcord::codec {
namespace {

constexpr std::size_t kMaxDigits = 18;  // fit 64 bits with sign, whatever they are
constexpr std::size_t kMaxNumber = 64;  // bytes; finite without an exponent

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Every step says false where it gives up. Depth is bounded by the builder.
class Scanner {
 public:
  Scanner(std::string_view text, Mark start, TreeLimits limits)
      : text_(text), line_(start.line), column_(start.column), builder_(limits) {}

  std::optional<JsonValue> run() {
    space();
    if ((next() != '{' && next() != '[') || !value()) {
      return std::nullopt;
    }
    JsonValue result;
    result.length = at_;
    result.root = builder_.take_root();
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

  bool value() {
    space();
    const Mark here = mark();
    switch (next()) {
      case '{':
        return builder_.begin_map(here) && members();
      case '[':
        return builder_.begin_list(here) && items();
      case '"': {
        std::string text;
        return string(text) && scalar(Node::string_of(std::move(text)), here);
      }
      case 't':
        return word("true") && scalar(Node::boolean_of(true), here);
      case 'f':
        return word("false") && scalar(Node::boolean_of(false), here);
      case 'n':
        return word("null") && scalar(Node(), here);
      default:
        return number(here);
    }
  }
  bool members() {
    ++at_;
    if (take('}')) {
      return builder_.end();
    }
    do {
      space();
      const Mark here = mark();
      std::string key;
      if (!string(key) || !builder_.key(std::move(key), here) || !take(':') || !value()) {
        return false;
      }
    } while (take(','));
    return take('}') && builder_.end();
  }
  bool items() {
    ++at_;
    if (take(']')) {
      return builder_.end();
    }
    do {
      if (!value()) {
        return false;
      }
    } while (take(','));
    return take(']') && builder_.end();
  }

  bool scalar(Node node, Mark here) {
    node.mark = here;
    return builder_.value(std::move(node));
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
  bool number(Mark here) {
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
    Node node;
    if (whole) {
      std::int64_t integer = 0;
      std::from_chars(written.data(), written.data() + written.size(), integer);
      node = Node::integer_of(integer);
    } else {
      node.type = Node::Type::kNumber;
      node.text = written;
    }
    return scalar(std::move(node), here);
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
  TreeBuilder builder_;
};

}  // namespace

std::optional<JsonValue> scan_json_value(std::string_view text, Mark start, TreeLimits limits) {
  return Scanner(text, start, limits).run();
}

}  // namespace ripcord::codec
