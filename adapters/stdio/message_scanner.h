// SPDX-License-Identifier: Apache-2.0
#pragma once
// Finds the JSON objects in a stream of bytes: one a line, several a line, or one over several
// lines. An object ends where JSON's grammar says so, so it is handed out as soon as its last brace
// arrived. Where the text stops being JSON, everything up to the start of that line is dropped (the
// line itself too, if the object began on it) and reading starts anew there: a broken line costs
// the next one nothing. Never fails, needs memory for one object; one thread at a time.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord::stdio {

inline constexpr std::size_t kMaxMessageBytes = 8 * 1024 * 1024;

struct Scanned {
  std::string text;      // one whole JSON object
  std::string problem;   // or what was dropped and why; then `text` is empty
  std::size_t line = 0;  // on which it began, 1-based

  bool operator==(const Scanned&) const = default;
};

class MessageScanner {
 public:
  explicit MessageScanner(std::size_t max_bytes = kMaxMessageBytes) : max_bytes_(max_bytes) {}
  // Takes the next bytes and appends what they complete.
  void feed(std::string_view input, std::vector<Scanned>& out);
  // The input has ended: reports what is left over.
  void finish(std::vector<Scanned>& out);

 private:
  // What the next byte may be. Strings and tokens end in kAfterValue, or kColon for a key.
  enum class Expect {
    kStart,         // '{', between objects
    kFirstKey,      // '"' or '}'
    kKey,           // '"'
    kColon,         // ':'
    kValue,         // any value
    kFirstElement,  // any value or ']'
    kAfterValue,    // ',' or the closing bracket
    kString,        // inside a string
    kEscape,        // after a backslash
    kToken,         // inside a number, true, false or null
    kSkip,          // garbage, up to the line end
  };

  void take(char c, std::vector<Scanned>& out);
  bool step(char c);  // false: `c` is not JSON here
  bool step_value(char c);
  bool step_string(char c);
  bool step_token(char c);
  bool close(char bracket);
  void drop(std::string why, std::vector<Scanned>& out);
  void report(std::string_view dropped, std::string_view why, std::size_t line,
              std::vector<Scanned>& out) const;
  void start_anew();

  const std::size_t max_bytes_;
  Expect expect_ = Expect::kStart;
  bool string_is_key_ = false;
  std::string open_;            // brackets that are open
  std::string token_;           // the token being read
  std::string text_;            // of the object being read, or the start of what is skipped
  std::size_t line_start_ = 0;  // in text_: where its last line begins
  std::size_t line_ = 1;        // of the input
  std::size_t first_line_ = 1;  // on which text_ began
  std::string skip_reason_;
};

}  // namespace ripcord::stdio
