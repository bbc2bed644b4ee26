// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/inspector.h"

#include "controller/codec/sql_lexer.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord::sqlite {
namespace {

using Tokens = std::vector<codec::SqlToken>;
constexpr auto kDialect = codec::SqlDialect::kSqlite;
constexpr std::size_t kMaxScriptBytes = 8 * 1024 * 1024;

bool has_word(const Tokens& tokens, std::initializer_list<std::string_view> words) {
  return std::any_of(tokens.begin(), tokens.end(), [&](const codec::SqlToken& token) {
    return std::any_of(words.begin(), words.end(), [&](auto word) { return token.word(word); });
  });
}

DataEffect pragma_effect(const Tokens& tokens) {
  const bool known = tokens.size() > 1 &&
                     (tokens[1].word("FOREIGN_KEYS") || tokens[1].word("DEFER_FOREIGN_KEYS") ||
                      tokens[1].word("FOREIGN_KEY_CHECK") || tokens[1].word("INTEGRITY_CHECK"));
  return known ? DataEffect::kLossless : DataEffect::kUnknown;
}

DataEffect effect_of(const Tokens& tokens) {
  const codec::SqlToken& first = tokens.front();
  if (first.word("DROP") || first.word("DELETE") || first.word("UPDATE") || first.word("REPLACE")) {
    return DataEffect::kLossy;
  }
  if (first.word("INSERT") || first.word("WITH") || first.word("SELECT")) {
    return has_word(tokens, {"REPLACE", "UPDATE", "DELETE"}) ? DataEffect::kLossy
                                                             : DataEffect::kLossless;
  }
  if (first.word("ALTER")) {
    if (has_word(tokens, {"DROP"})) {
      return DataEffect::kLossy;
    }
    return has_word(tokens, {"ADD", "RENAME"}) ? DataEffect::kLossless : DataEffect::kUnknown;
  }
  if (first.word("PRAGMA")) {
    return pragma_effect(tokens);
  }
  const bool adds = first.word("CREATE") || first.word("VACUUM") || first.word("REINDEX") ||
                    first.word("ANALYZE") || first.word("EXPLAIN");
  return adds ? DataEffect::kLossless : DataEffect::kUnknown;
}

}  // namespace

Result<std::vector<SqlStatement>> SqliteInspector::inspect(Engine engine,
                                                           const std::string& script) const {
  if (engine != Engine::kSqlite) {
    return error(StatusCode::kInternal, "the SQLite inspector was asked about another engine");
  }
  if (script.size() > kMaxScriptBytes || script.find('\0') != std::string::npos) {
    return error(
        StatusCode::kInvalidArgument,
        fmt::format("the script is over {} bytes or holds a NUL byte; split it, and save it "
                    "as UTF-8",
                    kMaxScriptBytes),
        "BadSql");
  }
  ASSIGN_OR_RETURN(const std::vector<codec::SqlPiece> pieces, codec::split_sql(kDialect, script));
  std::vector<SqlStatement> statements;
  for (const codec::SqlPiece& piece : pieces) {
    if (codec::is_transaction_control(kDialect, piece.tokens)) {
      return error(StatusCode::kInvalidArgument,
                   fmt::format("line {}: transaction control (BEGIN, COMMIT, SAVEPOINT ...) is not "
                               "allowed in a migration; remove it: body and version row commit "
                               "together",
                               piece.line),
                   "TransactionControl");
    }
    statements.push_back(
        {piece.text, piece.line, piece.tokens.front().word("VACUUM"), effect_of(piece.tokens)});
  }
  return statements;
}

}  // namespace ripcord::sqlite
