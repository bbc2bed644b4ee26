// SPDX-License-Identifier: Apache-2.0
#pragma once
// From what an inspector saw at byte offsets to a report for people: lines and columns, and the
// waivers that the script's comments grant. A waiver, on the lines before a statement, within it or
// behind it on its last line:
//   -- ripcord:allow drop-column, rename: nobody has read it since release 12
// Pure functions, thread-safe.

#include "controller/codec/sql_lexer.h"
#include "controller/model/sql_report.h"

#include <string>
#include <string_view>
#include <vector>

namespace ripcord::codec {

struct RawFinding {
  const SqlRule* rule = nullptr;
  SqlSeverity severity = SqlSeverity::kWarning;
  std::size_t offset = 0;  // bytes, of the script
  std::string message;
};

// Where a statement stands in its script, in bytes: its first token to behind its last.
struct StatementSpan {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// "DROP TABLE t: its rows are gone for good. Instead: ..."
std::string finding_message(const SqlRule& rule, std::string_view subject);

// Lines and columns of ascending or not offsets; a column counts characters.
class PlaceIndex {
 public:
  explicit PlaceIndex(std::string_view script);
  std::int32_t line(std::size_t offset) const;
  std::int32_t column(std::size_t offset) const;

 private:
  std::string_view script_;
  std::vector<std::size_t> starts_;  // of lines
};

// Findings by position, waived ones marked; what is wrong with the waivers themselves added.
// `spans` ascend.
std::vector<SqlFinding> finish_findings(SqlDialect dialect, std::string_view script,
                                        const std::vector<StatementSpan>& spans,
                                        std::vector<RawFinding> found);

// A statement with its place, its effect drawn from `effects`.
SqlStatement finish_statement(std::string_view script, const StatementSpan& span, std::int32_t line,
                              bool needs_no_transaction, SqlEffects effects);

}  // namespace ripcord::codec
