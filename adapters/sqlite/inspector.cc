// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/inspector.h"

#include "adapters/sqlite/scratch_schema.h"
#include "adapters/sqlite/statement_judge.h"
#include "controller/codec/phase_marks.h"
#include "controller/codec/sql_lexer.h"
#include "controller/codec/sql_review.h"

#include <fmt/format.h>

namespace ripcord::sqlite {
namespace {

constexpr auto kDialect = codec::SqlDialect::kSqlite;
constexpr std::size_t kMaxScriptBytes = 8 * 1024 * 1024;

Status check_script(Engine engine, std::string_view script) {
  if (engine != Engine::kSqlite) {
    return {StatusCode::kInternal, "the SQLite inspector was asked about another engine"};
  }
  if (script.size() > kMaxScriptBytes || script.find('\0') != std::string_view::npos) {
    return {StatusCode::kInvalidArgument,
            fmt::format("the script is over {} bytes or holds a NUL byte; split it, and save it "
                        "as UTF-8",
                        kMaxScriptBytes),
            "BadSql"};
  }
  return {};
}

// Brings the schema to where the script begins. What fails there is not this script's concern.
void replay(ScratchSchema& scratch, std::string_view script) {
  const auto pieces = codec::split_sql(kDialect, script);
  if (!pieces) {
    return;
  }
  StatementJudge judge(scratch, nullptr);
  for (const codec::SqlPiece& piece : *pieces) {
    judge.judge(piece);
  }
}

// What the up makes, looked at in a schema of its own.
Result<std::set<std::string>> made_by(std::string_view up) {
  ASSIGN_OR_RETURN(const auto scratch, ScratchSchema::open());
  const auto pieces = codec::split_sql(kDialect, up);
  StatementJudge judge(*scratch, nullptr);
  for (std::size_t i = 0; pieces && i < pieces->size(); ++i) {
    judge.judge((*pieces)[i]);
  }
  return judge.made();
}

codec::RawFinding control_finding(const codec::SqlPiece& piece) {
  const SqlRule& rule = *find_sql_rule("transaction-control");
  return {&rule, rule.severity, piece.tokens.front().offset,
          codec::finding_message(rule, piece.tokens.front().text)};
}

// `whole`: with the schema that it leaves.
Result<SqlReport> look(Engine engine, const SqlScript& script, bool whole) {
  RETURN_IF_ERROR(check_script(engine, script.text));
  ASSIGN_OR_RETURN(const std::vector<codec::SqlPiece> pieces,
                   codec::split_sql(kDialect, script.text));
  ASSIGN_OR_RETURN(const auto scratch, ScratchSchema::open());
  for (const std::string& earlier : script.before) {
    replay(*scratch, earlier);
  }
  std::set<std::string> made_by_up;
  if (script.direction == Direction::kDown && !script.up.empty()) {
    ASSIGN_OR_RETURN(made_by_up, made_by(script.up));
    replay(*scratch, script.up);
  }
  StatementJudge judge(*scratch, &made_by_up);
  SqlReport report;
  std::vector<codec::StatementSpan> spans;
  std::vector<codec::RawFinding> controls;
  for (const codec::SqlPiece& piece : pieces) {
    const std::size_t begin = piece.tokens.front().offset;
    spans.push_back({begin, begin + piece.text.size()});
    SqlEffects effects;
    if (codec::is_transaction_control(kDialect, piece.tokens)) {
      controls.push_back(control_finding(piece));
      report.transaction_control =
          report.transaction_control == 0 ? piece.line : report.transaction_control;
    } else {
      effects = judge.judge(piece, whole || &piece != &pieces.back());
    }
    report.statements.push_back(codec::finish_statement(script.text, spans.back(), piece.line,
                                                        piece.tokens.front().word("VACUUM"),
                                                        std::move(effects)));
  }
  if (whole && script.direction == Direction::kUp) {
    report.schema = scratch->ddl();
  }
  report.phase_marks = codec::phase_marks(kDialect, script.text);
  std::vector<codec::RawFinding> found = judge.take_findings();
  found.insert(found.end(), controls.begin(), controls.end());
  report.findings = codec::finish_findings(kDialect, script.text, spans, std::move(found));
  return report;
}

}  // namespace

Result<SqlReport> SqliteInspector::review(Engine engine, const SqlScript& script) const {
  return look(engine, script, true);
}

Result<std::vector<SqlStatement>> SqliteInspector::inspect(Engine engine,
                                                           const std::string& script) const {
  ASSIGN_OR_RETURN(SqlReport report, look(engine, {script}, false));
  if (report.transaction_control > 0) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("line {}: transaction control (BEGIN, COMMIT, SAVEPOINT ...) is not "
                             "allowed in a migration; remove it: body and version row commit "
                             "together",
                             report.transaction_control),
                 "TransactionControl");
  }
  return std::move(report.statements);
}

}  // namespace ripcord::sqlite
