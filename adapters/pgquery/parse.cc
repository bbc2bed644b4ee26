// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/parse.h"

#include <algorithm>
#include <cstring>
#include <pthread.h>

#include <pg_query.h>

namespace ripcord::pgquery {
namespace {

// About 80 bytes of stack for each byte of "1+1+1+...".
constexpr std::size_t kInlineBytes = 8 * 1024;
constexpr std::size_t kStackBase = 64 * 1024 * 1024;
constexpr std::size_t kStackPerByte = 160;
// A script of bulk data has a tree of a gigabyte: it is split by the lexer instead.
constexpr std::size_t kMaxTreeBytes = 64 * 1024 * 1024;

Parsed taken(const char* tree, const PgQueryError* error) {
  Parsed parsed;
  if (error != nullptr) {
    parsed.error = error->message == nullptr ? "syntax error" : error->message;
    parsed.at = static_cast<std::size_t>(std::max(error->cursorpos, 0));
  } else if (tree == nullptr || std::strlen(tree) > kMaxTreeBytes) {
    parsed.error = "the statements are too large to be looked at";
  } else {
    parsed.tree = tree;
  }
  return parsed;
}

Parsed sql_here(const std::string& text) {
  const PgQueryParseResult result = pg_query_parse(text.c_str());
  Parsed parsed = taken(result.parse_tree, result.error);
  pg_query_free_parse_result(result);
  return parsed;
}

Parsed plpgsql_here(const std::string& text) {
  const PgQueryPlpgsqlParseResult result = pg_query_parse_plpgsql(text.c_str());
  Parsed parsed = taken(result.plpgsql_funcs, result.error);
  pg_query_free_plpgsql_parse_result(result);
  return parsed;
}

using Parser = Parsed (*)(const std::string&);

struct ParseTask {
  Parser parser;
  const std::string* text;
  Parsed parsed;
};

void* run_task(void* raw) {
  auto* task = static_cast<ParseTask*>(raw);
  task->parsed = task->parser(*task->text);
  return nullptr;
}

Result<Parsed> run(Parser parser, const std::string& text) {
  if (text.size() <= kInlineBytes) {
    return parser(text);
  }
  ParseTask task{parser, &text, {}};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBase + text.size() * kStackPerByte);
  pthread_t thread{};
  const int failed = pthread_create(&thread, &attributes, run_task, &task);
  pthread_attr_destroy(&attributes);
  if (failed != 0) {
    return error(StatusCode::kResourceExhausted, "no memory for the SQL parser's stack");
  }
  pthread_join(thread, nullptr);
  return std::move(task.parsed);
}

}  // namespace

Result<Parsed> parse_sql(const std::string& script) {
  return run(sql_here, script);
}

Result<Parsed> parse_plpgsql(const std::string& statement) {
  return run(plpgsql_here, statement);
}

}  // namespace ripcord::pgquery
