// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/sql_lexer.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool starts_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool in_word(char c) {
  return starts_word(c) || is_digit(c) || c == '$';
}
char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

class Lexer {
 public:
  Lexer(SqlDialect dialect, std::string_view text) : dialect_(dialect), text_(text) {}

  Result<std::vector<SqlToken>> run() {
    std::vector<SqlToken> tokens;
    while (true) {
      RETURN_IF_ERROR(skip_blank());
      if (at_ >= text_.size()) {
        return tokens;
      }
      SqlToken token;
      token.offset = at_;
      token.line = line_;
      RETURN_IF_ERROR(read(token));
      token.length = at_ - token.offset;
      tokens.push_back(std::move(token));
    }
  }

  Status skip_blank() {
    while (at_ < text_.size()) {
      const std::size_t begin = at_;
      if (is_space(text_[at_])) {
        step();
        continue;
      }
      if (looking_at("--")) {
        while (at_ < text_.size() && text_[at_] != '\n') {
          step();
        }
      } else if (looking_at("/*")) {
        RETURN_IF_ERROR(skip_block_comment());
      } else {
        break;
      }
      if (comments_ != nullptr) {
        comments_->push_back({text_.substr(begin, at_ - begin), begin});
      }
    }
    return {};
  }
  void collect(std::vector<SqlComment>& comments) { comments_ = &comments; }

  std::size_t at() const { return at_; }
  void start_at(std::size_t offset) { at_ = offset; }

 private:
  bool postgres() const { return dialect_ == SqlDialect::kPostgreSql; }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool looking_at(std::string_view what) const { return text_.substr(at_, what.size()) == what; }
  void step() {
    line_ += text_[at_] == '\n' ? 1 : 0;
    ++at_;
  }
  void step_to(std::size_t end) {
    while (at_ < end) {
      step();
    }
  }
  static Status unclosed(std::string_view what, std::int32_t line) {
    return {StatusCode::kInvalidArgument,
            fmt::format("line {}: {} is never closed; add what ends it", line, what), "BadSql"};
  }

  Status skip_block_comment() {
    const std::int32_t line = line_;
    int depth = 0;
    while (at_ < text_.size()) {
      if (looking_at("/*") && (depth == 0 || postgres())) {
        ++depth;
        step_to(at_ + 2);
      } else if (looking_at("*/")) {
        step_to(at_ + 2);
        if (--depth == 0) {
          return {};
        }
      } else {
        step();
      }
    }
    return postgres() ? unclosed("the comment", line) : ok_status();  // SQLite ends it at the end
  }

  Status read(SqlToken& token) {
    const char c = peek();
    if (c == '\'') {
      return read_quoted(token, SqlToken::Kind::kString, '\'', '\'', false);
    }
    if (c == '"' || (c == '`' && !postgres())) {
      return read_quoted(token, SqlToken::Kind::kQuotedName, c, c, false);
    }
    if (c == '[' && !postgres()) {
      return read_quoted(token, SqlToken::Kind::kQuotedName, '[', ']', false);
    }
    if (postgres() && (c == 'e' || c == 'E') && peek(1) == '\'') {
      step();
      return read_quoted(token, SqlToken::Kind::kString, '\'', '\'', true);
    }
    if (postgres() && c == '$' && !is_digit(peek(1))) {
      return read_dollar(token);
    }
    if (starts_word(c)) {
      read_word(token);
    } else if (is_digit(c) || c == '$') {
      read_number(token);
    } else {
      token.text = std::string(1, c);
      step();
    }
    return {};
  }

  Status read_quoted(SqlToken& token, SqlToken::Kind kind, char open, char close, bool escapes) {
    token.kind = kind;
    step();
    while (at_ < text_.size()) {
      const char c = peek();
      if (escapes && c == '\\' && at_ + 1 < text_.size()) {
        step_to(at_ + 2);
        continue;
      }
      if (c == close) {
        if (open == close && peek(1) == close) {
          token.text += close;
          step_to(at_ + 2);
          continue;
        }
        step();
        return {};
      }
      token.text += c;
      step();
    }
    return unclosed(kind == SqlToken::Kind::kString ? "the string" : "the quoted name", token.line);
  }

  Status read_dollar(SqlToken& token) {
    std::size_t end = at_ + 1;
    while (end < text_.size() && in_word(text_[end]) && text_[end] != '$') {
      ++end;
    }
    if (end >= text_.size() || text_[end] != '$') {
      token.text = "$";
      step();
      return {};
    }
    const std::string_view tag = text_.substr(at_, end - at_ + 1);
    const std::size_t close = text_.find(tag, end + 1);
    if (close == std::string_view::npos) {
      return unclosed(fmt::format("the {} string", tag), token.line);
    }
    token.kind = SqlToken::Kind::kString;
    token.text = text_.substr(end + 1, close - end - 1);
    step_to(close + tag.size());
    return {};
  }

  void read_word(SqlToken& token) {
    token.kind = SqlToken::Kind::kWord;
    while (at_ < text_.size() && in_word(peek())) {
      token.text += upper(peek());
      step();
    }
  }

  void read_number(SqlToken& token) {
    token.kind = SqlToken::Kind::kNumber;
    do {
      token.text += peek();
      step();
    } while (at_ < text_.size() && (in_word(peek()) || peek() == '.'));
  }

  SqlDialect dialect_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::int32_t line_ = 1;
  std::vector<SqlComment>* comments_ = nullptr;
};

// Follows one statement to know whether a semicolon ends it.
class StatementEnd {
 public:
  explicit StatementEnd(SqlDialect dialect) : dialect_(dialect) {}

  bool ended_by(const std::vector<SqlToken>& so_far, const SqlToken& token) {
    const bool postgres = dialect_ == SqlDialect::kPostgreSql;
    if (so_far.size() <= 5 && has_body(so_far, postgres)) {
      may_have_body_ = true;
    }
    if (token.symbol(';')) {
      return body_depth_ == 0 && (!postgres || parentheses_ <= 0);
    }
    if (token.symbol('(') || token.symbol(')')) {
      parentheses_ += token.symbol('(') ? 1 : -1;
    }
    if (!may_have_body_) {
      return false;
    }
    // In PostgreSQL only BEGIN ATOMIC opens a body; a column may be called "begin".
    const bool opens = body_depth_ == 0 && (postgres ? token.word("ATOMIC") && !so_far.empty() &&
                                                           so_far.back().word("BEGIN")
                                                     : token.word("BEGIN"));
    if (opens || (body_depth_ > 0 && token.word("CASE"))) {
      ++body_depth_;
    } else if (body_depth_ > 0 && token.word("END")) {
      --body_depth_;
    }
    return false;
  }

 private:
  static bool has_body(const std::vector<SqlToken>& tokens, bool postgres) {
    if (tokens.empty() || !tokens[0].word("CREATE")) {
      return false;
    }
    return std::any_of(tokens.begin(), tokens.end(), [&](const SqlToken& token) {
      return postgres ? token.word("FUNCTION") || token.word("PROCEDURE") : token.word("TRIGGER");
    });
  }

  SqlDialect dialect_;
  bool may_have_body_ = false;
  int body_depth_ = 0;
  int parentheses_ = 0;
};

SqlPiece piece_of(std::string_view script, std::vector<SqlToken> tokens) {
  const std::size_t begin = tokens.front().offset;
  const std::size_t end = tokens.back().offset + tokens.back().length;
  return {std::string(script.substr(begin, end - begin)), tokens.front().line, std::move(tokens)};
}

}  // namespace

Result<std::vector<SqlToken>> tokenize_sql(SqlDialect dialect, std::string_view script) {
  return Lexer(dialect, script).run();
}

Result<std::vector<SqlPiece>> split_sql(SqlDialect dialect, std::string_view script) {
  ASSIGN_OR_RETURN(std::vector<SqlToken> tokens, tokenize_sql(dialect, script));
  std::vector<SqlPiece> pieces;
  std::vector<SqlToken> current;
  StatementEnd end(dialect);
  for (SqlToken& token : tokens) {
    if (!end.ended_by(current, token)) {
      current.push_back(std::move(token));
      continue;
    }
    if (!current.empty()) {
      pieces.push_back(piece_of(script, std::move(current)));
    }
    current.clear();
    end = StatementEnd(dialect);
  }
  if (!current.empty()) {
    pieces.push_back(piece_of(script, std::move(current)));
  }
  return pieces;
}

std::vector<SqlComment> sql_comments(SqlDialect dialect, std::string_view script) {
  std::vector<SqlComment> comments;
  Lexer lexer(dialect, script);
  lexer.collect(comments);
  return lexer.run() ? comments : std::vector<SqlComment>{};
}

std::size_t skip_sql_blank(SqlDialect dialect, std::string_view script, std::size_t from) {
  Lexer lexer(dialect, script);
  lexer.start_at(from);
  return lexer.skip_blank().ok() ? lexer.at() : script.size();
}

bool is_transaction_control(SqlDialect dialect, const std::vector<SqlToken>& statement) {
  static constexpr std::array kBoth = {"BEGIN",    "COMMIT",    "END",
                                       "ROLLBACK", "SAVEPOINT", "RELEASE"};
  if (statement.empty()) {
    return false;
  }
  const SqlToken& first = statement.front();
  if (std::any_of(kBoth.begin(), kBoth.end(), [&](const char* w) { return first.word(w); })) {
    return true;
  }
  const bool second_is_transaction = statement.size() > 1 && statement[1].word("TRANSACTION");
  return dialect == SqlDialect::kPostgreSql &&
         (first.word("ABORT") ||
          ((first.word("START") || first.word("PREPARE")) && second_is_transaction));
}

}  // namespace ripcord::codec
