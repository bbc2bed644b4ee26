// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/json_reader.h"

#include "controller/codec/json_scan.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace ripcord::codec {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

// Follows the tokens that nlohmann's lexer has just accepted, which says where each stands (its SAX
// interface does not).
class Cursor {
 public:
  Cursor(std::string_view text, Mark start) : text_(text), mark_(start) {}

  Mark mark() const { return mark_; }
  std::size_t position() const { return at_; }

  void advance_to(std::size_t end) {
    end = std::min(end, text_.size());
    while (at_ < end) {
      const std::string_view rest = text_.substr(at_, end - at_);
      const std::size_t line_end = rest.find('\n');
      if (line_end == npos) {
        mark_.column += static_cast<int>(rest.size());
        at_ = end;
      } else {
        ++mark_.line;
        mark_.column = 1;
        at_ += line_end + 1;
      }
    }
  }
  // Moves to the next token, over white space and separators; returns where it is.
  Mark to_token() {
    const std::size_t next = text_.find_first_not_of(" \t\r\n,:", at_);
    advance_to(next == std::string_view::npos ? text_.size() : next);
    return mark_;
  }
  // Steps over the token here and returns its text.
  std::string_view take() {
    const std::size_t first = at_;
    std::size_t end = at_ + 1;
    if (at_ < text_.size() && text_[at_] == '"') {
      while (end < text_.size() && text_[end] != '"') {
        end += text_[end] == '\\' ? 2 : 1;
      }
      ++end;
    } else if (at_ < text_.size() && std::string_view("{}[]").find(text_[at_]) == npos) {
      end = std::min(text_.find_first_of(" \t\r\n,:{}[]\"", at_), text_.size());
    }
    advance_to(end);
    return text_.substr(first, at_ - first);
  }

 private:
  static constexpr std::size_t npos = std::string_view::npos;
  std::string_view text_;
  std::size_t at_ = 0;
  Mark mark_;
};

// "parse error at line 1, column 5: syntax error while parsing value - invalid literal; last read:
// '...'; expected ..." without the place (ours is the right one) and without what was read.
std::string plain_message(std::string_view what) {
  if (what.find("UTF-8") != std::string_view::npos) {
    return "a string is no valid UTF-8; save the file as UTF-8";
  }
  if (what.find("surrogate") != std::string_view::npos) {
    return "half of a \\u surrogate pair; write the character itself or both halves";
  }
  if (what.find("control character") != std::string_view::npos) {
    return "a raw control character in a string; write it as an escape like \\n or \\u0000";
  }
  if (what.find("unexpected end of input") != std::string_view::npos) {
    return "the JSON ends in the middle; a closing bracket or quote is missing";
  }
  if (what.find("number overflow") != std::string_view::npos) {
    return "a number is too large for JSON; write a smaller one";
  }
  if (what.ends_with("expected string literal")) {
    return "this is no valid JSON: wanted a key in double quotes, and no ',' before '}'";
  }
  if (what.ends_with("expected '}'") || what.ends_with("expected ']'")) {
    return fmt::format("this is no valid JSON: wanted ',' or {}", what.substr(what.size() - 3));
  }
  return what.ends_with("expected ':'")
             ? "this is no valid JSON: wanted ':' after the key"
             : "this is no valid JSON: wanted a value (a string in double quotes, a number, true, "
               "false, null, '[' or '{')";
}

class SaxBuilder {
 public:
  SaxBuilder(std::string_view text, Mark start, TreeLimits limits)
      : cursor_(text, start), builder_(limits) {}

  bool null() {
    Node node;
    node.mark = token().first;
    return builder_.value(std::move(node));
  }
  bool boolean(bool value) {
    Node node = Node::boolean_of(value);
    node.mark = token().first;
    return builder_.value(std::move(node));
  }
  bool number_integer(std::int64_t value) {
    Node node = Node::integer_of(value);
    node.mark = token().first;
    return builder_.value(std::move(node));
  }
  bool number_unsigned(std::uint64_t value) {
    return value <= static_cast<std::uint64_t>(INT64_MAX)
               ? number_integer(static_cast<std::int64_t>(value))
               : literal();
  }
  bool number_float(double, const std::string&) { return literal(); }
  bool string(std::string& value) {
    Node node = Node::string_of(std::move(value));
    node.mark = token().first;
    return builder_.value(std::move(node));
  }
  bool binary(nlohmann::json::binary_t&) { return false; }
  bool start_object(std::size_t) { return builder_.begin_map(token().first); }
  bool start_array(std::size_t) { return builder_.begin_list(token().first); }
  bool key(std::string& value) { return builder_.key(std::move(value), token().first); }
  bool end_object() { return end(); }
  bool end_array() { return end(); }
  template <class E>
  bool parse_error(std::size_t position, const std::string&, const E& exception) {
    cursor_.advance_to(position == 0 ? 0 : position - 1);
    syntax_ = true;
    return builder_.fail(cursor_.mark(), plain_message(exception.what()));
  }

  JsonValue result() {
    JsonValue value;
    value.problem = builder_.problem();
    value.syntax = syntax_;
    value.length = cursor_.position();
    if (!value.problem) {
      value.root = builder_.take_root();
    }
    return value;
  }

 private:
  std::pair<Mark, std::string_view> token() {
    const Mark mark = cursor_.to_token();
    return {mark, cursor_.take()};
  }
  bool end() {
    token();
    return builder_.end();
  }
  // A number that does not fit 64 bits keeps its text, so that 10.0 stays 10.0.
  bool literal() {
    const auto [mark, text] = token();
    Node node;
    node.type = Node::Type::kNumber;
    node.mark = mark;
    node.text = text;
    return builder_.value(std::move(node));
  }

  Cursor cursor_;
  TreeBuilder builder_;
  bool syntax_ = false;
};

}  // namespace

JsonValue read_json_value(std::string_view text, Mark start, TreeLimits limits) {
  if (std::optional<JsonValue> scanned = scan_json_value(text, start, limits)) {
    return *std::move(scanned);
  }
  return parse_json_value(text, start, limits);
}

JsonValue parse_json_value(std::string_view text, Mark start, TreeLimits limits) {
  SaxBuilder builder(text, start, limits);
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder,
                            nlohmann::json::input_format_t::json, /*strict=*/false);
  return builder.result();
}

JsonValue read_json(std::string_view text, Mark start, TreeLimits limits) {
  JsonValue value = read_json_value(text, start, limits);
  if (!value.root) {
    return value;
  }
  const std::size_t rest = text.find_first_not_of(kSpace, value.length);
  if (rest != std::string_view::npos) {
    Cursor cursor(text, start);
    cursor.advance_to(rest);
    value.root.reset();
    value.syntax = true;
    value.problem = Problem{cursor.mark(), "", "there is more text behind the end of the JSON"};
  }
  return value;
}

}  // namespace ripcord::codec
