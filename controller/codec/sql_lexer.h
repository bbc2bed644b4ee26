// SPDX-License-Identifier: Apache-2.0
#pragma once
// SQL text -> tokens and statements, for the two dialects we run. Knows strings ('', E'', $tag$),
// quoted names, comments (nested in PostgreSQL), and what holds semicolons without ending a
// statement: SQLite's CREATE TRIGGER ... BEGIN ... END, PostgreSQL's BEGIN ATOMIC and parentheses.
// Pure functions, thread-safe. InvalidArgument names the line of what was never closed.

#include "controller/base/status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord::codec {

enum class SqlDialect { kPostgreSql, kSqlite };

struct SqlToken {
  enum class Kind { kWord, kQuotedName, kString, kNumber, kSymbol };
  Kind kind = Kind::kSymbol;
  std::string text;  // a word in upper case; a quoted name without its quotes; else as written
  std::size_t offset = 0;
  std::size_t length = 0;
  std::int32_t line = 1;

  bool word(std::string_view upper) const { return kind == Kind::kWord && text == upper; }
  bool symbol(char c) const { return kind == Kind::kSymbol && text.size() == 1 && text[0] == c; }
};

// One statement: from its first to its last token, comments around it left out, no semicolon.
struct SqlPiece {
  std::string text;
  std::int32_t line = 1;
  std::vector<SqlToken> tokens;
};

// Without white space and comments.
Result<std::vector<SqlToken>> tokenize_sql(SqlDialect dialect, std::string_view script);

Result<std::vector<SqlPiece>> split_sql(SqlDialect dialect, std::string_view script);

// A comment with what opens it; in a line comment without the line's end.
struct SqlComment {
  std::string_view text;  // into the script
  std::size_t offset = 0;
};
std::vector<SqlComment> sql_comments(SqlDialect dialect, std::string_view script);

// Offset of the first byte at or after `from` that is neither white space nor in a comment.
std::size_t skip_sql_blank(SqlDialect dialect, std::string_view script, std::size_t from);

// BEGIN, COMMIT, ROLLBACK, SAVEPOINT and their like: what must not stand in a migration.
bool is_transaction_control(SqlDialect dialect, const std::vector<SqlToken>& statement);

}  // namespace ripcord::codec
