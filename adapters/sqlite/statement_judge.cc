// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/statement_judge.h"

#include "controller/codec/row_filter.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::sqlite {
namespace {

// SQLite's names do not tell case apart.
std::string key_of(std::string_view kind, std::string_view name) {
  std::string key(kind);
  key += ':';
  for (const char c : name) {
    key += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return key;
}

// Of ALTER TABLE ... ADD, as it is written.
std::string added_column(const codec::SqlPiece& piece) {
  const auto& tokens = piece.tokens;
  auto at = std::find_if(tokens.begin(), tokens.end(),
                         [](const codec::SqlToken& token) { return token.word("ADD"); });
  if (at == tokens.end() || ++at == tokens.end() || (at->word("COLUMN") && ++at == tokens.end())) {
    return "";
  }
  return at->kind == codec::SqlToken::Kind::kWord
             ? piece.text.substr(at->offset - tokens.front().offset, at->length)
             : at->text;
}

bool internal(const std::string& table) {
  return table.rfind("sqlite_", 0) == 0;
}

bool says(const codec::SqlPiece& piece, std::string_view first, std::string_view second) {
  const auto& tokens = piece.tokens;
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (tokens[i].word(first) && tokens[i + 1].word(second)) {
      return true;
    }
  }
  return false;
}

// REPLACE INTO and OR REPLACE delete rows without asking the authorizer.
bool replaces(const codec::SqlPiece& piece) {
  return piece.tokens.front().word("REPLACE") || says(piece, "OR", "REPLACE") ||
         says(piece, "REPLACE", "INTO");
}

}  // namespace

void StatementJudge::lose(DataLoss loss) {
  add_loss(effects_.loses, std::move(loss));
}

void StatementJudge::find(std::string_view id, const std::string& subject, const std::string& key) {
  const SqlRule& rule = *find_sql_rule(id);
  SqlSeverity severity = rule.severity;
  std::string message = codec::finding_message(rule, subject);
  if (made_by_up_ != nullptr && made_by_up_->contains(key)) {
    severity = SqlSeverity::kNote;
    message = subject +
              " takes back what its up made: what was written there since is lost, which "
              "the approval gate asks about";
  }
  bool again = false;
  for (auto each = found_.rbegin(); each != found_.rend() && each->offset == here_; ++each) {
    again = again || each->message == message;
  }
  if (!again) {
    found_.push_back({&rule, severity, here_, std::move(message)});
  }
}

SqlEffects StatementJudge::judge(const codec::SqlPiece& piece, bool more) {
  effects_ = {};
  ++statement_;
  dropped_now_.clear();
  here_ = piece.tokens.front().offset;
  Preparation prepared = scratch_.prepare(piece);
  events_ = std::move(prepared.events);
  if (!prepared.error.empty()) {
    effects_.unknown = prepared.error;
    find("not-understood", prepared.error);
    return std::move(effects_);
  }
  for (const AuthorizerEvent& event : events_) {
    // Each asks for DELETE of its name too.
    if (event.action == SQLITE_DROP_TABLE || event.action == SQLITE_DROP_VTABLE ||
        event.action == SQLITE_DROP_VIEW || event.action == SQLITE_DROP_TEMP_VIEW) {
      dropped_now_.insert(key_of("table", event.first));
    }
  }
  bool changes_schema = false;
  for (const AuthorizerEvent& event : events_) {
    changes_schema = changes_schema ||
                     (event.action >= SQLITE_CREATE_INDEX && event.action <= SQLITE_DROP_VIEW &&
                      event.action != SQLITE_DELETE) ||
                     event.action == SQLITE_ALTER_TABLE;
  }
  // CREATE is tried a second time, a column looked at.
  if (changes_schema &&
      (more || piece.tokens.front().word("CREATE") || says(piece, "NOT", "NULL"))) {
    scratch_.apply(piece);
  }
  for (const AuthorizerEvent& event : events_) {
    see(event, piece);
  }
  effects_.additive = effects_.additive && effects_.loses.empty() && effects_.unknown.empty() &&
                      effects_.breaks_previous.empty();
  effects_.only_drops = only_drops(piece);
  effects_.neutral = piece.tokens.front().word("PRAGMA") && effects_.unknown.empty();
  effects_.once = why_only_once(piece, changes_schema);
  return std::move(effects_);
}

bool StatementJudge::only_drops(const codec::SqlPiece& piece) const {
  const auto& first = piece.tokens.front();
  const bool drops = first.word("DROP") || first.word("ALTER");
  return drops && effects_.unknown.empty() && !effects_.loses.empty() &&
         std::all_of(effects_.loses.begin(), effects_.loses.end(), [](const DataLoss& loss) {
           return loss.what == DataLoss::What::kTable || loss.what == DataLoss::What::kColumn;
         });
}

// SQLite itself says whether it would do it a second time. ADD COLUMN cannot ask first, so it is
// let pass: with its version row it takes effect once or not at all.
std::string StatementJudge::why_only_once(const codec::SqlPiece& piece, bool changes_schema) {
  const codec::SqlToken& first = piece.tokens.front();
  if (changes_schema && first.word("CREATE")) {
    return scratch_.prepare(piece).error.empty() ? "" : "write CREATE ... IF NOT EXISTS";
  }
  const bool guarded =
      says(piece, "OR", "IGNORE") || says(piece, "ON", "CONFLICT") || says(piece, "NOT", "EXISTS");
  return first.word("INSERT") && !guarded ? "write INSERT OR IGNORE, or ... WHERE NOT EXISTS (...)"
                                          : "";
}

void StatementJudge::see(const AuthorizerEvent& event, const codec::SqlPiece& piece) {
  switch (event.action) {
    case SQLITE_INSERT:
      if (replaces(piece) && !internal(event.first) &&
          !made_.contains(key_of("table", event.first))) {
        lose({DataLoss::What::kRows, event.first});
        find("change-rows", "REPLACE INTO " + event.first);
      }
      effects_.additive = effects_.additive || !internal(event.first);
      break;
    case SQLITE_DELETE:
    case SQLITE_UPDATE:
      see_rows(event, piece);
      break;
    case SQLITE_CREATE_TABLE:
    case SQLITE_CREATE_VTABLE:
    case SQLITE_CREATE_TEMP_TABLE:
      see_create(key_of("table", event.first), piece);
      break;
    case SQLITE_CREATE_INDEX:
    case SQLITE_CREATE_VIEW:
    case SQLITE_CREATE_TRIGGER:
    case SQLITE_CREATE_TEMP_INDEX:
    case SQLITE_CREATE_TEMP_VIEW:
    case SQLITE_CREATE_TEMP_TRIGGER:
      see_create(key_of("other", event.first), piece);
      break;
    case SQLITE_DROP_TABLE:
    case SQLITE_DROP_VTABLE:
    case SQLITE_DROP_VIEW:
    case SQLITE_DROP_TRIGGER:
    case SQLITE_DROP_INDEX:
      see_drop(event);
      break;
    case SQLITE_ALTER_TABLE:
      see_alter(event, piece);
      break;
    case SQLITE_PRAGMA:
      see_pragma(event);
      break;
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
      effects_.unknown = "another file is attached";
      break;
    case SQLITE_FUNCTION:
      if (event.second == "load_extension") {
        effects_.unknown = "it loads an extension";
      }
      break;
    default:
      break;  // reading, and the inner workings of the above
  }
}

void StatementJudge::see_create(const std::string& key, const codec::SqlPiece& piece) {
  effects_.additive = true;
  if (key.rfind("table:", 0) == 0 && dropped_.contains(key)) {
    find("replace-table", "CREATE TABLE of a name that was just dropped");
  }
  if (!says(piece, "IF", "NOT")) {
    made_.insert(key);
  }
}

// Of a DELETE or UPDATE of one table that begins a script, asks nothing but that table and calls
// nothing.
std::optional<std::string> StatementJudge::exact_rows(const codec::SqlPiece& piece) const {
  const auto& tokens = piece.tokens;
  const bool deletes = tokens[0].word("DELETE") && tokens.size() > 2 && tokens[1].word("FROM");
  const std::size_t name = deletes ? 2 : 1;
  if (statement_ > 1 || !(deletes || tokens[0].word("UPDATE")) || tokens.size() <= name) {
    return std::nullopt;
  }
  const std::string& table = tokens[name].text;
  const bool plain_name = deletes ? tokens.size() == name + 1 || tokens[name + 1].word("WHERE")
                                  : tokens.size() > name + 1 && tokens[name + 1].word("SET");
  const bool tells_rows = std::none_of(tokens.begin(), tokens.end(), [](const auto& token) {
    return token.word("SELECT") || token.word("LIMIT") || token.word("RETURNING");
  });
  const bool from = !deletes && std::any_of(tokens.begin(), tokens.end(),
                                            [](const auto& token) { return token.word("FROM"); });
  const bool alone = std::all_of(events_.begin(), events_.end(), [&](const auto& event) {
    const bool rows = event.action == SQLITE_READ || event.action == SQLITE_UPDATE ||
                      event.action == SQLITE_DELETE;
    return rows && sqlite3_stricmp(event.first.c_str(), table.c_str()) == 0;
  });
  return plain_name && tells_rows && !from && alone
             ? std::optional(codec::row_filter(piece.text, tokens, tokens.front().offset, "1"))
             : std::nullopt;
}

void StatementJudge::see_rows(const AuthorizerEvent& event, const codec::SqlPiece& piece) {
  const std::string table = key_of("table", event.first);
  if (internal(event.first) || dropped_now_.contains(table) || made_.contains(table)) {
    return;
  }
  const bool update = event.action == SQLITE_UPDATE;
  if (update && made_.contains(key_of("column", event.first + "." + event.second))) {
    return;
  }
  DataLoss loss{DataLoss::What::kRows, event.first};
  if (update) {
    loss.overwrites = {event.second};
    loss.keeps_rows = true;
  }
  loss.where = exact_rows(piece);
  lose(std::move(loss));
  find("change-rows", (update ? "UPDATE " : "DELETE FROM ") + event.first);
}

void StatementJudge::see_drop(const AuthorizerEvent& event) {
  const bool table = event.action == SQLITE_DROP_TABLE || event.action == SQLITE_DROP_VTABLE;
  const std::string key = key_of(table ? "table" : "other", event.first);
  if (made_.erase(key) > 0) {
    return;
  }
  if (table) {
    dropped_.insert(key);
    lose({DataLoss::What::kTable, event.first});
    effects_.breaks_previous = "it reads and writes " + event.first;
    find("drop-table", "DROP TABLE " + event.first, key);
  } else if (event.action == SQLITE_DROP_INDEX) {
    find("drop-index-or-constraint", "DROP INDEX " + event.first, key);
  } else {
    effects_.breaks_previous = "it may use " + event.first;
    find("drop-object", "DROP of " + event.first, key);
  }
}

void StatementJudge::see_alter(const AuthorizerEvent& event, const codec::SqlPiece& piece) {
  const std::string& table = event.first;
  const std::string key = key_of("table", table);
  const bool fresh = made_.contains(key);
  if (!event.third.empty()) {
    const std::string column = key_of("column", table + "." + event.third);
    if (!fresh && !made_.contains(column)) {
      lose({DataLoss::What::kColumn, table, event.third});
      effects_.breaks_previous = fmt::format("it reads and writes {}.{}", table, event.third);
      find("drop-column", fmt::format("DROP COLUMN {}.{}", table, event.third), column);
    }
    return;
  }
  const auto& tokens = piece.tokens;
  const bool renames = std::any_of(tokens.begin(), tokens.end(),
                                   [](const auto& token) { return token.word("RENAME"); });
  if (!renames) {
    const std::string column = added_column(piece);
    effects_.additive = true;
    made_.insert(key_of("column", table + "." + column));
    if (!fresh && says(piece, "NOT", "NULL") && scratch_.last_column_demands_value(table)) {
      effects_.breaks_previous = fmt::format("inserts without {} are refused", column);
      find("add-column-not-null", fmt::format("ADD COLUMN {}.{} NOT NULL", table, column));
    }
    return;
  }
  const codec::SqlToken& to = tokens.back();
  const std::string new_key = key_of("table", to.text);
  if (!fresh) {
    effects_.breaks_previous = fmt::format("it knows {} by its old name", table);
    find("rename", "RENAME in " + table);
  } else if (dropped_.contains(new_key)) {
    rebuilt_at_ = here_;
  }
  if (fresh && says(piece, "RENAME", "TO")) {
    made_.erase(key);
    made_.insert(new_key);
  }
}

void StatementJudge::see_pragma(const AuthorizerEvent& event) {
  static const std::set<std::string> kHarmless = {
      "foreign_keys", "defer_foreign_keys", "foreign_key_check", "integrity_check", "quick_check",
      "table_info",   "table_xinfo",        "index_list",        "busy_timeout",    "optimize"};
  checked_ = checked_ || event.first == "foreign_key_check";
  if (!kHarmless.contains(event.first)) {
    effects_.unknown = "PRAGMA " + event.first + " is not looked into";
  }
}

std::vector<codec::RawFinding> StatementJudge::take_findings() {
  if (rebuilt_at_ != std::string::npos && !checked_) {
    here_ = rebuilt_at_;
    find("sqlite-table-rebuild", "a table that takes a dropped one's name");
  }
  return std::move(found_);
}

}  // namespace ripcord::sqlite
