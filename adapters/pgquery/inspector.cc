// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/inspector.h"

#include "adapters/pgquery/judge.h"
#include "adapters/pgquery/ledger.h"
#include "adapters/pgquery/mentions.h"
#include "adapters/pgquery/parse.h"
#include "adapters/pgquery/repeat.h"
#include "controller/codec/phase_marks.h"
#include "controller/codec/sql_lexer.h"
#include "controller/codec/sql_review.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord::pgquery {
namespace {

using codec::RawFinding;
using codec::StatementSpan;

constexpr auto kDialect = codec::SqlDialect::kPostgreSql;
constexpr std::size_t kMaxNameBytes = 63;

Status check_script(Engine engine, std::string_view script) {
  if (engine != Engine::kPostgreSql) {
    return {StatusCode::kInternal, "the PostgreSQL inspector was asked about another engine"};
  }
  if (script.size() > kMaxScriptBytes) {
    return {StatusCode::kInvalidArgument,
            fmt::format("the script has {} bytes; at most {} are allowed: load bulk data by "
                        "other means or split it",
                        script.size(), kMaxScriptBytes),
            "ScriptTooLarge"};
  }
  if (script.find('\0') != std::string_view::npos) {
    return {StatusCode::kInvalidArgument, "the script holds a NUL byte; save it as UTF-8",
            "BadSql"};
  }
  return {};
}

// Byte of the n-th character, 1-based as PostgreSQL counts; 0: the start.
std::size_t byte_of_character(std::string_view text, std::size_t n) {
  std::size_t seen = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    seen += (static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U ? 1U : 0U;
    if (seen >= n && n > 0) {
      return at;
    }
  }
  return n == 0 || text.empty() ? 0 : text.size() - 1;
}

bool name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '"' || c == ' ' || static_cast<unsigned char>(c) >= 0x80;
}

// The server's lexer cuts names, so the tree does not show them. Most scripts have no run of bytes
// that could be one.
void check_names(std::string_view script, std::vector<RawFinding>& found) {
  std::size_t run = 0;
  const bool any = std::any_of(script.begin(), script.end(), [&](char c) {
    run = name_byte(c) ? run + 1 : 0;
    return run > kMaxNameBytes;
  });
  const auto tokens =
      any ? codec::tokenize_sql(kDialect, script) : Result<std::vector<codec::SqlToken>>{};
  if (!tokens) {
    return;
  }
  for (const codec::SqlToken& token : *tokens) {
    const bool name = token.kind == codec::SqlToken::Kind::kWord ||
                      token.kind == codec::SqlToken::Kind::kQuotedName;
    if (name && token.text.size() > kMaxNameBytes) {
      const SqlRule& rule = *find_sql_rule("name-too-long");
      const std::string_view written = script.substr(token.offset, token.length);
      found.push_back({&rule, rule.severity, token.offset,
                       codec::finding_message(rule, fmt::format("{}", written))});
    }
  }
}

struct Piece {
  StatementSpan span;
  Node node;
};

std::vector<Piece> pieces_of(std::string_view script, Node statements) {
  std::vector<Piece> pieces;
  for (Node raw = statements.first(); raw; raw = raw.next()) {
    const auto location = static_cast<std::size_t>(raw["stmt_location"].number(0));
    const auto length = static_cast<std::size_t>(raw["stmt_len"].number(0));
    const std::size_t end =
        length == 0 ? script.size() : std::min(script.size(), location + length);
    const std::size_t begin = std::min(codec::skip_sql_blank(kDialect, script, location), end);
    pieces.push_back({{begin, end}, raw["stmt"].unwrapped()});
  }
  return pieces;
}

class Reviewer {
 public:
  explicit Reviewer(const SqlScript& script) : script_(script.text) {
    if (script.direction == Direction::kDown && !script.up.empty()) {
      read_up(std::string(script.up));
    }
  }

  SqlReport from_tree(std::string json) {
    const Tree tree(std::move(json));
    Ledger ledger(script_, made_by_up_.empty() ? nullptr : &made_by_up_);
    for (const Piece& piece : pieces_of(script_, tree.root()["stmts"])) {
      spans_.push_back(piece.span);
      ledger.open(piece.span);
      judge_statement(ledger, piece.node);
      ledger.current().effects.once = why_only_once(piece.node);
      ledger.current().effects.only_drops = only_drops(piece.node);
    }
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      add(i, ledger.judgements[i]);
    }
    return finish(ledger.take_findings());
  }

  Result<SqlReport> from_lexer(const Parsed& refused) {
    ASSIGN_OR_RETURN(const std::vector<codec::SqlPiece> pieces,
                     codec::split_sql(kDialect, script_));
    for (const codec::SqlPiece& piece : pieces) {
      const std::size_t begin = piece.tokens.front().offset;
      spans_.push_back({begin, begin + piece.text.size()});
      Judgement judgement;
      judgement.transaction_control = codec::is_transaction_control(kDialect, piece.tokens);
      judgement.needs_no_transaction = outside_transaction(piece);
      judgement.effects.unknown = "the script could not be parsed";
      add(spans_.size() - 1, judgement);
    }
    const SqlRule& rule = *find_sql_rule("not-understood");
    return finish({{&rule, rule.severity, byte_of_character(script_, refused.at),
                    codec::finding_message(rule, refused.error)}});
  }

 private:
  static bool outside_transaction(const codec::SqlPiece& piece) {
    const codec::SqlToken& first = piece.tokens.front();
    const bool index = first.word("CREATE") || first.word("DROP") || first.word("REINDEX");
    const auto window = std::min<std::size_t>(piece.tokens.size(), 5);
    const bool concurrent = std::any_of(
        piece.tokens.begin(), piece.tokens.begin() + static_cast<std::ptrdiff_t>(window),
        [](const codec::SqlToken& token) { return token.word("CONCURRENTLY"); });
    return first.word("VACUUM") || (index && concurrent);
  }

  void read_up(const std::string& up) {
    const auto parsed = parse_sql(up);
    if (!parsed || !parsed->error.empty()) {
      return;
    }
    const Tree tree(parsed->tree);
    Ledger ledger(up, nullptr);
    for (const Piece& piece : pieces_of(up, tree.root()["stmts"])) {
      ledger.open(piece.span);
      judge_statement(ledger, piece.node);
    }
    made_by_up_ = std::move(ledger.made);
  }

  void add(std::size_t index, Judgement judgement) {
    const StatementSpan& span = spans_[index];
    line_ += static_cast<std::int32_t>(
        std::count(script_.begin() + static_cast<std::ptrdiff_t>(counted_),
                   script_.begin() + static_cast<std::ptrdiff_t>(span.begin), '\n'));
    counted_ = span.begin;
    SqlEffects& effects = judgement.effects;
    effects.neutral = judgement.neutral;
    effects.only_drops = effects.only_drops && effects.unknown.empty() && !effects.loses.empty();
    effects.additive = effects.additive && effects.loses.empty() && effects.unknown.empty() &&
                       effects.breaks_previous.empty();
    if (judgement.transaction_control && report_.transaction_control == 0) {
      report_.transaction_control = line_;
    }
    report_.statements.push_back(codec::finish_statement(
        script_, span, line_, judgement.needs_no_transaction, std::move(effects)));
  }

  SqlReport finish(std::vector<RawFinding> found) {
    check_names(script_, found);
    report_.phase_marks = codec::phase_marks(kDialect, script_);
    report_.findings = codec::finish_findings(kDialect, script_, spans_, std::move(found));
    return std::move(report_);
  }

  std::string_view script_;
  std::vector<StatementSpan> spans_;
  std::int32_t line_ = 1;
  std::size_t counted_ = 0;
  MadeObjects made_by_up_;
  SqlReport report_;
};

}  // namespace

Result<SqlReport> PostgresInspector::review(Engine engine, const SqlScript& script) const {
  RETURN_IF_ERROR(check_script(engine, script.text));
  ASSIGN_OR_RETURN(Parsed parsed, parse_sql(std::string(script.text)));
  Reviewer reviewer(script);
  return parsed.error.empty() ? reviewer.from_tree(std::move(parsed.tree))
                              : reviewer.from_lexer(parsed);
}

Result<std::vector<SqlStatement>> PostgresInspector::inspect(Engine engine,
                                                             const std::string& script) const {
  ASSIGN_OR_RETURN(SqlReport report, review(engine, {script}));
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

bool PostgresInspector::mentions(Engine /*engine*/, const std::string& statement,
                                 const DataLoss& loss) const {
  return pgquery::mentions(statement, loss);
}

}  // namespace ripcord::pgquery
