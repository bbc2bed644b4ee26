// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/inspector.h"

#include "controller/codec/pg_tree.h"
#include "controller/codec/sql_lexer.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>
#include <pthread.h>

#include <fmt/format.h>
#include <pg_query.h>

namespace ripcord::pgquery {
namespace {

constexpr auto kDialect = codec::SqlDialect::kPostgreSql;
// The parser recurses over expressions: about 80 bytes of stack for each byte of "1+1+1+...".
// A script of bulk data has a tree of a gigabyte; it is split by the lexer like one not understood.
constexpr std::size_t kMaxTreeBytes = 64 * 1024 * 1024;
constexpr std::size_t kInlineBytes = 8 * 1024;
constexpr std::size_t kStackBase = 64 * 1024 * 1024;
constexpr std::size_t kStackPerByte = 160;

std::optional<std::string> parse_here(const std::string& script) {
  PgQueryParseResult result = pg_query_parse(script.c_str());
  std::optional<std::string> tree;
  if (result.error == nullptr && result.parse_tree != nullptr &&
      std::strlen(result.parse_tree) <= kMaxTreeBytes) {
    tree = result.parse_tree;
  }
  pg_query_free_parse_result(result);
  return tree;
}

struct ParseTask {
  const std::string* script;
  std::optional<std::string> tree;
};

void* run_task(void* raw) {
  auto* task = static_cast<ParseTask*>(raw);
  task->tree = parse_here(*task->script);
  return nullptr;
}

// The parse tree as JSON; nothing when the parser refuses the script.
Result<std::optional<std::string>> parse(const std::string& script) {
  if (script.size() <= kInlineBytes) {
    return parse_here(script);
  }
  ParseTask task{&script, std::nullopt};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBase + script.size() * kStackPerByte);
  pthread_t thread{};
  const int failed = pthread_create(&thread, &attributes, run_task, &task);
  pthread_attr_destroy(&attributes);
  if (failed != 0) {
    return error(StatusCode::kResourceExhausted, "no memory for the SQL parser's stack");
  }
  pthread_join(thread, nullptr);
  return task.tree;
}

Status refused_transaction_control(std::int32_t line) {
  return {
      StatusCode::kInvalidArgument,
      fmt::format("line {}: transaction control (BEGIN, COMMIT, SAVEPOINT ...) is not allowed in "
                  "a migration; remove it: body and version row commit together",
                  line),
      "TransactionControl"};
}

Result<std::vector<SqlStatement>> from_lexer(const std::string& script) {
  ASSIGN_OR_RETURN(const std::vector<codec::SqlPiece> pieces, codec::split_sql(kDialect, script));
  std::vector<SqlStatement> statements;
  for (const codec::SqlPiece& piece : pieces) {
    if (codec::is_transaction_control(kDialect, piece.tokens)) {
      return as_return(refused_transaction_control(piece.line));
    }
    const codec::SqlToken& first = piece.tokens.front();
    const bool index = first.word("CREATE") || first.word("DROP") || first.word("REINDEX");
    const auto window = std::min<std::size_t>(piece.tokens.size(), 5);
    const bool concurrent = std::any_of(
        piece.tokens.begin(), piece.tokens.begin() + static_cast<std::ptrdiff_t>(window),
        [](const codec::SqlToken& token) { return token.word("CONCURRENTLY"); });
    const bool outside = first.word("VACUUM") || (index && concurrent);
    statements.push_back({piece.text, piece.line, outside, DataEffect::kUnknown});
  }
  return statements;
}

Result<std::vector<SqlStatement>> from_tree(const std::string& script, const std::string& tree) {
  ASSIGN_OR_RETURN(const std::vector<codec::PgStatementFacts> facts, codec::read_pg_tree(tree));
  std::vector<SqlStatement> statements;
  std::int32_t line = 1;
  std::size_t counted = 0;
  for (const codec::PgStatementFacts& fact : facts) {
    const std::size_t end =
        fact.length == 0 ? script.size() : std::min(script.size(), fact.location + fact.length);
    const std::size_t begin = std::min(codec::skip_sql_blank(kDialect, script, fact.location), end);
    line += static_cast<std::int32_t>(
        std::count(script.begin() + static_cast<std::ptrdiff_t>(counted),
                   script.begin() + static_cast<std::ptrdiff_t>(begin), '\n'));
    counted = begin;
    if (fact.transaction_control) {
      return as_return(refused_transaction_control(line));
    }
    statements.push_back(
        {script.substr(begin, end - begin), line, fact.needs_no_transaction, fact.effect});
  }
  return statements;
}

}  // namespace

Result<std::vector<SqlStatement>> PostgresInspector::inspect(Engine engine,
                                                             const std::string& script) const {
  if (engine != Engine::kPostgreSql) {
    return error(StatusCode::kInternal, "the PostgreSQL inspector was asked about another engine");
  }
  if (script.size() > kMaxScriptBytes) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("the script has {} bytes; at most {} are allowed: load bulk data by "
                             "other means or split it",
                             script.size(), kMaxScriptBytes),
                 "ScriptTooLarge");
  }
  if (script.find('\0') != std::string::npos) {
    return error(StatusCode::kInvalidArgument, "the script holds a NUL byte; save it as UTF-8",
                 "BadSql");
  }
  ASSIGN_OR_RETURN(const std::optional<std::string> tree, parse(script));
  return tree ? from_tree(script, *tree) : from_lexer(script);
}

}  // namespace ripcord::pgquery
