// SPDX-License-Identifier: Apache-2.0
// The validations of transitions. SQLite has no regular expressions of its own: patterns are
// POSIX extended ones, as regcomp(3) reads them.
#include "adapters/sqlite/transitions.h"
#include "controller/codec/transition_verdict.h"

#include <memory>
#include <regex.h>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::sqlite {
namespace {

class Pattern {
 public:
  static Result<std::unique_ptr<Pattern>> compile(const std::string& text) {
    std::unique_ptr<Pattern> pattern(new Pattern);
    const int code = ::regcomp(&pattern->compiled_, text.c_str(), REG_EXTENDED | REG_NOSUB);
    if (code == 0) {
      pattern->usable_ = true;
      return pattern;
    }
    char why[128] = {};
    ::regerror(code, &pattern->compiled_, why, sizeof why);
    return error(StatusCode::kFailedPrecondition,
                 fmt::format("validation pattern \"{}\": {}", text, why), "BadTransition");
  }
  ~Pattern() {
    if (usable_) {
      ::regfree(&compiled_);
    }
  }
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  bool matches(const char* text) const { return ::regexec(&compiled_, text, 0, nullptr, 0) == 0; }

 private:
  Pattern() = default;
  regex_t compiled_{};
  bool usable_ = false;
};

void match(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  const auto* pattern = static_cast<const Pattern*>(sqlite3_user_data(context));
  const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(values[0]));
  sqlite3_result_int(context, text == nullptr || pattern->matches(text) ? 1 : 0);
}

Result<Rows> ask(Connection& connection, const std::string& sql, const std::string& about,
                 const std::stop_token& stop) {
  auto rows = connection.query(sql, {}, stop);
  if (!rows) {
    return as_return(rows.error().annotated("validation of " + about));
  }
  return rows;
}

}  // namespace

Result<std::string> SqliteTransitions::check(const TransitionValidation& validation,
                                             const std::stop_token& stop) {
  if (!validation.query.empty()) {
    RETURN_IF_ERROR(one_statement(connection_, validation.query).annotated("validation"));
    ASSIGN_OR_RETURN(const Rows rows,
                     ask(connection_, validation.query, "\"" + validation.query + "\"", stop));
    const bool one = rows.rows.size() == 1 && rows.rows[0].size() == 1;
    return codec::judge_number(validation, one ? rows.rows[0][0] : std::nullopt);
  }
  ASSIGN_OR_RETURN(const std::string table, resolve_table(connection_, validation.table));
  const std::string about = validation.table + "." + validation.column;
  const std::string column = quote_name(validation.column);
  // A name in quotes that is no column would be taken for a text.
  RETURN_IF_ERROR(
      ask(connection_,
          fmt::format("SELECT 1 FROM {0} WHERE {0}.{1} IS NULL LIMIT 0", quote_name(table), column),
          about, stop)
          ? ok_status()
          : Status(StatusCode::kFailedPrecondition,
                   fmt::format("validation of {}: table {} has no column {}", about, table,
                               validation.column),
                   "BadTransition"));
  if (validation.not_null) {
    const std::string against = fmt::format("{} WHERE {} IS NULL", quote_name(table), column);
    ASSIGN_OR_RETURN(const Rows rows,
                     ask(connection_, "SELECT count(*) FROM " + against, about, stop));
    return codec::judge_count(validation, rows.rows[0][0].value_or("0"),
                              "SELECT * FROM " + against);
  }
  ASSIGN_OR_RETURN(const auto pattern, Pattern::compile(validation.pattern));
  constexpr const char* kMatches = "ripcord_matches";
  sqlite3_create_function_v2(connection_.handle(), kMatches, 1, SQLITE_UTF8, pattern.get(), match,
                             nullptr, nullptr, nullptr);
  const auto rows =
      ask(connection_,
          fmt::format("SELECT count(*), min(quote({0})) FROM {1} WHERE {0} IS NOT NULL AND NOT "
                      "{2}({0})",
                      column, quote_name(table), kMatches),
          about, stop);
  sqlite3_create_function_v2(connection_.handle(), kMatches, 1, SQLITE_UTF8, nullptr, nullptr,
                             nullptr, nullptr, nullptr);
  if (!rows) {
    return as_return(rows.error());
  }
  return codec::judge_count(
      validation, rows->rows[0][0].value_or("0"),
      fmt::format("the first in {} is {}", table, rows->rows[0][1].value_or("NULL")));
}

}  // namespace ripcord::sqlite
