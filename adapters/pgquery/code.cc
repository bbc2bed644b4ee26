// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/calls.h"
#include "adapters/pgquery/judge.h"
#include "adapters/pgquery/names.h"
#include "adapters/pgquery/parse.h"
#include "controller/codec/sql_lexer.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord::pgquery {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

// Restores what a nested text changes of the ledger's view.
class Nested {
 public:
  explicit Nested(Ledger& ledger)
      : ledger_(ledger),
        place_(ledger.place),
        conditional_(ledger.conditional),
        defining_(ledger.defining) {}
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;
  ~Nested() {
    ledger_.place = place_;
    ledger_.conditional = conditional_;
    ledger_.defining = defining_;
  }

 private:
  Ledger& ledger_;
  Place place_;
  bool conditional_;
  bool defining_;
};

// Where PL/pgSQL text stands: the create or DO statement, its offset in the script, its body.
struct Code {
  std::string statement;
  std::size_t offset = 0;
  bool exact = true;
  std::string body;
};

std::string option_text(Node options, std::string_view name) {
  for (Node each = options.first(); each; each = each.next()) {
    const Node element = each["DefElem"];
    if (element.is("defname", name)) {
      const Node value = element["arg"];
      const Node list = value["List"]["items"];
      return (list ? list.first()["String"]["sval"] : value["String"]["sval"]).text();
    }
  }
  return {};
}

// Judges statements that stand at `base` of the script when they stand there word for word.
bool judge_text(Ledger& ledger, const std::string& text, std::size_t base, bool exact) {
  const auto parsed = parse_sql(text);
  if (!parsed || !parsed->error.empty()) {
    return false;
  }
  const Nested nested(ledger);
  const Tree tree(parsed->tree);
  const Node statements = tree.root()["stmts"];
  for (Node each = statements.first(); each; each = each.next()) {
    const auto at = static_cast<std::size_t>(each["stmt_location"].number(0));
    const auto length = static_cast<std::size_t>(each["stmt_len"].number(0));
    const std::size_t end = length == 0 ? text.size() : std::min(text.size(), at + length);
    const std::size_t begin = codec::skip_sql_blank(codec::SqlDialect::kPostgreSql, text, at);
    ledger.place = {text, base, exact, std::min(begin, end), end};
    judge_statement(ledger, each["stmt"].unwrapped());
  }
  return true;
}

class PlpgsqlBody {
 public:
  PlpgsqlBody(Ledger& ledger, const Code& code) : ledger_(ledger), code_(code) {
    const std::size_t body = code.statement.find(code.body);
    exact_ = code.exact && body != kNone && !code.body.empty();
    body_ = exact_ ? code.offset + body : code.offset;
  }

  // False when it cannot be read.
  bool judge() {
    const auto parsed = parse_plpgsql(code_.statement);
    if (!parsed || !parsed->error.empty()) {
      return false;
    }
    const Tree tree(parsed->tree);
    tree.root().each_below([&](Node node) { look(node); });
    return true;
  }

 private:
  void look(Node node) {
    const std::string_view key = node.key();
    if (key == "lineno") {
      at_line(node.number(1));
    } else if (key == "PLpgSQL_stmt_commit" || key == "PLpgSQL_stmt_rollback") {
      at_line(node["lineno"].number(1));
      ledger_.find("transaction-control", here(), {"COMMIT or ROLLBACK inside code", {}, {}});
      ledger_.unknown("it ends transactions");
    } else if (key == "PLpgSQL_expr") {
      const std::string_view role = node.parent().key();
      const std::string_view owner = node.parent().parent().key();
      const bool dynamic = role == "dynquery" || owner.starts_with("PLpgSQL_stmt_dyn");
      if (dynamic && role != "params" && !role.empty()) {
        execute(node["query"].text());
      } else {
        expression(node["query"].text());
      }
    }
  }

  void at_line(std::int64_t line) {
    if (!exact_) {
      return;
    }
    std::size_t at = 0;
    for (std::int64_t i = 1; i < line; ++i) {
      const std::size_t end = code_.body.find('\n', at);
      if (end == kNone) {
        break;
      }
      at = end + 1;
    }
    cursor_ = std::min(code_.body.find_first_not_of(" \t", at), code_.body.size());
  }
  std::size_t here() const { return body_ + (exact_ ? cursor_ : 0); }

  // Where `query` stands; the line of its statement when it was changed.
  std::size_t place_of(const std::string& query, bool& exact) const {
    const std::size_t found = exact_ ? code_.body.find(query, cursor_) : kNone;
    exact = found != kNone;
    return exact ? body_ + found : here();
  }

  void expression(const std::string& query) {
    bool exact = false;
    const std::size_t base = place_of(query, exact);
    if (judge_text(ledger_, query, base, exact)) {
      return;
    }
    // `x := f()` and `f() > 1`: what counts is which functions are called.
    std::size_t value = query.find(":=");
    value = value == kNone ? 0 : value + 2;
    if (!judge_text(ledger_, "SELECT " + query.substr(value), base, false)) {
      ledger_.unknown("code that could not be read");
    }
  }

  void execute(const std::string& query) {
    const auto tokens = codec::tokenize_sql(codec::SqlDialect::kPostgreSql, query);
    const bool literal =
        tokens && tokens->size() == 1 && tokens->front().kind == codec::SqlToken::Kind::kString;
    if (literal && judge_text(ledger_, tokens->front().text, here(), false)) {
      return;
    }
    std::string shown = query.substr(0, 60);
    shown += query.size() > 60 ? " ..." : "";
    ledger_.unknown(fmt::format("EXECUTE {}", shown));
    ledger_.find("dynamic-sql", here(), {"EXECUTE " + shown, {}, {}});
    if (tokens) {
      guess(*tokens);
    }
  }

  // The words that the text begins with tell what it takes away, though not from what.
  void guess(const std::vector<codec::SqlToken>& tokens) {
    const auto text = std::find_if(tokens.begin(), tokens.end(), [](const auto& token) {
      return token.kind == codec::SqlToken::Kind::kString;
    });
    if (text == tokens.end()) {
      return;
    }
    std::string words = text->text.substr(0, 60);
    std::transform(words.begin(), words.end(), words.begin(), [](unsigned char c) {
      return static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    });
    for (const std::string_view verb : {"DROP", "TRUNCATE", "DELETE", "UPDATE", "ALTER"}) {
      if (std::string_view(words).substr(0, 20).find(verb) != kNone) {
        ledger_.lose({DataLoss::What::kOther, fmt::format("what {} ... names when it runs", verb)});
        return;
      }
    }
  }

  Ledger& ledger_;
  const Code& code_;
  bool exact_ = false;
  std::size_t body_ = 0;
  std::size_t cursor_ = 0;
};

void judge_code(Ledger& ledger, const std::string& language, const Code& code,
                const std::string& what) {
  const Nested nested(ledger);
  ledger.conditional = true;
  bool read = false;
  if (language == "plpgsql") {
    read = PlpgsqlBody(ledger, code).judge();
  } else if (language == "sql") {
    const std::size_t body = code.statement.find(code.body);
    const bool exact = code.exact && body != kNone;
    read = judge_text(ledger, code.body, code.offset + (exact ? body : 0), exact);
  }
  if (!read) {
    ledger.unknown(fmt::format("{} in {} could not be read", what, language));
    ledger.find("dynamic-sql", code.offset, {fmt::format("{} in {}", what, language), {}, {}});
  }
}

void judge_sql_body(Ledger& ledger, Node body) {
  body.each_below([&](Node node) {
    const std::string_view key = node.key();
    if (key.ends_with("Stmt") && !node.parent().parent().key().ends_with("Stmt")) {
      judge_statement(ledger, node);
    }
  });
}

}  // namespace

void judge_do(Ledger& ledger, Node node) {
  std::string language = option_text(node["args"], "language");
  language = language.empty() ? "plpgsql" : language;
  const Code code{std::string(ledger.place.words()), ledger.here(), ledger.place.exact,
                  option_text(node["args"], "as")};
  judge_code(ledger, language, code, "DO");
}

void judge_create_function(Ledger& ledger, Node node) {
  const std::string name = joined_name(node["funcname"]);
  const Node options = node["options"];
  const Code code{std::string(ledger.place.words()), ledger.here(), ledger.place.exact,
                  option_text(options, "as")};
  const std::string language = option_text(options, "language");
  const Nested nested(ledger);
  const MadeObjects made = ledger.made;
  ledger.defining = true;
  if (const Node body = node["sql_body"]) {
    judge_sql_body(ledger, body);
  } else if (language == "plpgsql" || language == "sql") {
    judge_code(ledger, language, code, "FUNCTION " + name);
  }
  ledger.defining = false;
  ledger.made = made;
  ledger.adds();
  ledger.make_anew(key_of("function", name));
  ledger.routines[name] = {language, code.statement, code.body, code.offset};
}

void judge_function_call(Ledger& ledger, const std::string& name, std::size_t offset,
                         bool procedure) {
  const auto routine = ledger.routines.find(name);
  if (routine != ledger.routines.end()) {
    if (!ledger.calling.insert(name).second) {
      return;
    }
    const Routine body = routine->second;
    judge_code(ledger, body.language, {body.create, body.offset, true, body.body},
               "FUNCTION " + name);
    ledger.calling.erase(name);
  } else if (!harmless_function(name)) {
    const std::string call = name + "()";
    ledger.unknown(fmt::format("it calls {}", call));
    ledger.find("dynamic-sql", offset,
                {procedure ? "CALL " + call : call,
                 {},
                 procedure ? SqlSeverity::kWarning : SqlSeverity::kNote});
  }
}

void judge_call(Ledger& ledger, Node node) {
  const Node call = node["funccall"];
  judge_function_call(ledger, joined_name(call["funcname"]), ledger.at(call), true);
}

}  // namespace ripcord::pgquery
