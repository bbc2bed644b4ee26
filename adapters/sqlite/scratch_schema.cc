// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/scratch_schema.h"

#include <algorithm>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::sqlite {
namespace {

constexpr int kMostLessons = 200;  // things that one statement may be missing
constexpr int kMostWork = 1'000'000;

std::string quoted(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) {
    text += c == '"' ? std::string("\"\"") : std::string(1, c);
  }
  return text + "\"";
}

bool same_name(const std::string& a, const std::string& b) {
  return sqlite3_stricmp(a.c_str(), b.c_str()) == 0;
}

std::string without_quotes(std::string name) {
  const std::string_view kQuotes = "\"`[]'";
  while (!name.empty() && kQuotes.find(name.front()) != std::string_view::npos) {
    name.erase(0, 1);
  }
  while (!name.empty() && kQuotes.find(name.back()) != std::string_view::npos) {
    name.pop_back();
  }
  return name;
}

std::string last_part(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos ? name : name.substr(dot + 1);
}

// What is missing, when the message begins so.
bool misses(const std::string& error, std::string_view beginning, std::string& name) {
  if (error.rfind(beginning, 0) != 0) {
    return false;
  }
  name = without_quotes(error.substr(beginning.size()));
  return !name.empty();
}

// DROP TABLE IF EXISTS t says nothing where there is no t; DROP TABLE t asks for it.
std::string demanding(const codec::SqlPiece& piece) {
  const auto& tokens = piece.tokens;
  const bool guarded = tokens.size() > 4 && tokens[0].word("DROP") && tokens[2].word("IF") &&
                       tokens[3].word("EXISTS");
  if (!guarded) {
    return piece.text;
  }
  const std::size_t start = tokens.front().offset;
  return piece.text.substr(0, tokens[2].offset - start) +
         piece.text.substr(tokens[4].offset - start);
}

// The column that ALTER TABLE drops or renames, as it is written; empty when it does neither.
std::string altered_column(const codec::SqlPiece& piece) {
  const auto& tokens = piece.tokens;
  if (!tokens.front().word("ALTER")) {
    return "";
  }
  auto at = std::find_if(tokens.begin(), tokens.end(), [](const codec::SqlToken& token) {
    return token.word("DROP") || token.word("RENAME");
  });
  if (at == tokens.end() || ++at == tokens.end() || (at->word("COLUMN") && ++at == tokens.end()) ||
      at->word("TO")) {
    return "";
  }
  return piece.text.substr(at->offset - tokens.front().offset, at->length);
}

const char* const kFill = "ripcord_stub";

}  // namespace

void ScratchSchema::Closer::operator()(sqlite3* db) const {
  sqlite3_close(db);
}

ScratchSchema::~ScratchSchema() = default;

Result<std::unique_ptr<ScratchSchema>> ScratchSchema::open() {
  std::unique_ptr<ScratchSchema> scratch(new ScratchSchema());
  sqlite3* db = nullptr;
  const int code =
      sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  scratch->db_.reset(db);
  if (code != SQLITE_OK) {
    return error(StatusCode::kResourceExhausted, "no memory to look at SQL in");
  }
  sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_progress_handler(
      db, kMostWork, [](void*) { return 1; }, nullptr);
  sqlite3_set_authorizer(db, &ScratchSchema::authorize, scratch.get());
  return scratch;
}

int ScratchSchema::authorize(void* self, int action, const char* first, const char* second,
                             const char* third, const char* /*trigger*/) {
  auto* scratch = static_cast<ScratchSchema*>(self);
  if (scratch->events_ == nullptr) {
    return SQLITE_OK;
  }
  // ALTER TABLE tells database, table, column; the rest what it is about first.
  const bool alter = action == SQLITE_ALTER_TABLE;
  const auto text = [](const char* value) { return std::string(value == nullptr ? "" : value); };
  scratch->events_->push_back(alter ? AuthorizerEvent{action, text(second), {}, text(third)}
                                    : AuthorizerEvent{action, text(first), text(second), {}});
  const bool reaches_out =
      action == SQLITE_ATTACH || action == SQLITE_DETACH || action == SQLITE_PRAGMA;
  return reaches_out ? SQLITE_DENY : SQLITE_OK;
}

int ScratchSchema::try_prepare(const std::string& sql, Preparation& preparation) {
  preparation = {};
  events_ = &preparation.events;
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v2(db_.get(), sql.c_str(), static_cast<int>(sql.size()), &statement, nullptr);
  events_ = nullptr;
  sqlite3_finalize(statement);
  if (code != SQLITE_OK && code != SQLITE_AUTH) {
    preparation.error = sqlite3_errmsg(db_.get());
  }
  return code;
}

Preparation ScratchSchema::prepare(const codec::SqlPiece& piece) {
  const std::string sql = demanding(piece);
  Preparation preparation;
  for (int lesson = 0; lesson < kMostLessons; ++lesson) {
    if (try_prepare(sql, preparation) == SQLITE_OK || preparation.error.empty() ||
        !learn(preparation.error, piece)) {
      break;
    }
  }
  return preparation;
}

bool ScratchSchema::learn(const std::string& error, const codec::SqlPiece& piece) {
  std::string name;
  if (misses(error, "no such table: ", name)) {
    return learn_table(last_part(name), piece);
  }
  if (misses(error, "no such column: ", name)) {
    return learn_column(last_part(name), piece);
  }
  if (misses(error, "no such index: ", name)) {
    const std::string index = quoted(last_part(name));
    const std::string table = fmt::format("ripcord_of_index_{}", ++made_);
    return run("CREATE TABLE " + table + "(a)") &&
           run("CREATE INDEX " + index + " ON " + table + "(a)");
  }
  if (misses(error, "no such view: ", name)) {
    return run("CREATE VIEW " + quoted(last_part(name)) + " AS SELECT 1");
  }
  if (misses(error, "no such trigger: ", name)) {
    const std::string table = fmt::format("ripcord_of_trigger_{}", ++made_);
    return run("CREATE TABLE " + table + "(a)") &&
           run("CREATE TRIGGER " + quoted(last_part(name)) + " AFTER INSERT ON " + table +
               " BEGIN SELECT 1; END");
  }
  if (const std::size_t at = error.find(" has no column named "); at != std::string::npos) {
    return learn_column(error.substr(at + 21), piece);
  }
  if (error.find(" values were supplied") != std::string::npos) {
    return learn_column(fmt::format("{}_{}", kFill, ++made_), piece);
  }
  return error.rfind("ON CONFLICT clause does not match", 0) == 0 && learn_key(piece);
}

bool ScratchSchema::learn_table(std::string name, const codec::SqlPiece& piece) {
  name = without_quotes(std::move(name));
  stubs_.insert(name);
  const std::string column = altered_column(piece);
  return run(fmt::format("CREATE TABLE {}({}{})", quoted(name), kFill,
                         column.empty() ? "" : ", " + column));
}

// It belongs to a table that the statement names and that does not have it yet.
bool ScratchSchema::learn_column(std::string name, const codec::SqlPiece& piece) {
  name = without_quotes(std::move(name));
  const auto named = [&](const std::string& table) {
    return std::any_of(piece.tokens.begin(), piece.tokens.end(),
                       [&](const codec::SqlToken& token) { return same_name(token.text, table); });
  };
  for (const bool mentioned : {true, false}) {
    for (const std::string& table : stubs_) {
      if (named(table) == mentioned &&
          run(fmt::format("ALTER TABLE {} ADD COLUMN {}", quoted(table), quoted(name)))) {
        return true;
      }
    }
  }
  return false;
}

// INSERT INTO t ... ON CONFLICT (a, b): t has a unique index over a, b.
bool ScratchSchema::learn_key(const codec::SqlPiece& piece) {
  const auto& tokens = piece.tokens;
  const auto word = [&](std::string_view what) {
    return std::find_if(tokens.begin(), tokens.end(),
                        [&](const codec::SqlToken& token) { return token.word(what); });
  };
  auto column = word("CONFLICT");
  if (column == tokens.end() || ++column == tokens.end() || !column->symbol('(')) {
    return false;
  }
  const std::size_t begin = column->offset;
  const auto end = std::find_if(column, tokens.end(), [](const auto& t) { return t.symbol(')'); });
  if (end == tokens.end()) {
    return false;
  }
  const std::string columns =
      piece.text.substr(begin - tokens.front().offset, end->offset - begin + 1);
  for (const std::string& table : stubs_) {
    if (run(fmt::format("CREATE UNIQUE INDEX ripcord_key_{} ON {}{}", ++made_, quoted(table),
                        columns))) {
      return true;
    }
  }
  return false;
}

bool ScratchSchema::apply(const codec::SqlPiece& piece) {
  return run(demanding(piece));
}

bool ScratchSchema::run(const std::string& sql) {
  return sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
}

std::string ScratchSchema::ask(const std::string& sql, const std::string& parameter) {
  sqlite3_stmt* statement = nullptr;
  std::string answer;
  if (sqlite3_prepare_v2(db_.get(), sql.c_str(), -1, &statement, nullptr) == SQLITE_OK) {
    sqlite3_bind_text(statement, 1, parameter.c_str(), -1, SQLITE_TRANSIENT);
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0) != nullptr) {
      answer = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    }
  }
  sqlite3_finalize(statement);
  return answer;
}

std::string ScratchSchema::ddl() {
  std::string text;
  sqlite3_stmt* statement = nullptr;
  const char* const kAll = "SELECT tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL";
  if (sqlite3_prepare_v2(db_.get(), kAll, -1, &statement, nullptr) == SQLITE_OK) {
    while (sqlite3_step(statement) == SQLITE_ROW) {
      const std::string table = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
      const bool whole = !stubs_.contains(table) && table.rfind("ripcord_of_", 0) != 0;
      if (whole) {
        text += reinterpret_cast<const char*>(sqlite3_column_text(statement, 1));
        text += ";\n";
      }
    }
  }
  sqlite3_finalize(statement);
  return text;
}

bool ScratchSchema::last_column_demands_value(const std::string& table) {
  return ask("SELECT \"notnull\" AND dflt_value IS NULL AND hidden = 0 FROM "
             "pragma_table_xinfo(?1) ORDER BY cid DESC LIMIT 1",
             table) == "1";
}

}  // namespace ripcord::sqlite
