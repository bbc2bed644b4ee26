// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/statement_probe.h"

#include "controller/codec/sql_lexer.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

using codec::SqlToken;

enum class Form {
  kCreateIndex,
  kDropIndex,
  kReindexIndex,
  kReindexTable,
  kDetach,
  kCreateDatabase,
  kDropDatabase,
  kRepeatable,
  kOther
};

struct Shape {
  Form form = Form::kOther;
  std::string name;   // as an SQL name, quoted
  std::string table;  // of the index or partition; quoted, qualified as written
};

bool is_name(const SqlToken& token) {
  return token.kind == SqlToken::Kind::kWord || token.kind == SqlToken::Kind::kQuotedName;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

// Reads tokens from left to right; past the end, an empty symbol.
class Cursor {
 public:
  explicit Cursor(const std::vector<SqlToken>& tokens) : tokens_(tokens) {}
  const SqlToken& peek() const {
    static const SqlToken kEnd;
    return at_ < tokens_.size() ? tokens_[at_] : kEnd;
  }
  bool at_end() const { return at_ >= tokens_.size(); }
  void skip() { ++at_; }
  bool take(std::string_view word) {
    if (!peek().word(word)) {
      return false;
    }
    ++at_;
    return true;
  }
  // "a"."b" as written, quoted; empty when there is no name here.
  std::string take_name() {
    std::string name;
    while (is_name(peek())) {
      const SqlToken& token = peek();
      name += Connection::quote_identifier(token.kind == SqlToken::Kind::kWord ? lower(token.text)
                                                                               : token.text);
      ++at_;
      if (!peek().symbol('.')) {
        break;
      }
      name += '.';
      ++at_;
    }
    return name;
  }

 private:
  const std::vector<SqlToken>& tokens_;
  std::size_t at_ = 0;
};

Shape read_create(Cursor& cursor) {
  if (cursor.take("DATABASE")) {
    return {Form::kCreateDatabase, cursor.take_name(), ""};
  }
  cursor.take("UNIQUE");
  if (!cursor.take("INDEX")) {
    return {};
  }
  cursor.take("CONCURRENTLY");
  if (cursor.take("IF")) {
    cursor.take("NOT");
    cursor.take("EXISTS");
  }
  Shape shape{Form::kCreateIndex, "", ""};
  if (!cursor.peek().word("ON")) {
    shape.name = cursor.take_name();
  }
  cursor.take("ON");
  cursor.take("ONLY");
  shape.table = cursor.take_name();
  return shape;
}

Shape read_drop(Cursor& cursor) {
  const bool database = cursor.take("DATABASE");
  if (!database && !cursor.take("INDEX")) {
    return {};
  }
  cursor.take("CONCURRENTLY");
  if (cursor.take("IF")) {
    cursor.take("EXISTS");
  }
  return {database ? Form::kDropDatabase : Form::kDropIndex, cursor.take_name(), ""};
}

Shape read_reindex(Cursor& cursor) {
  if (cursor.peek().symbol('(')) {
    while (!cursor.at_end() && !cursor.peek().symbol(')')) {
      cursor.skip();
    }
    cursor.skip();
  }
  const bool index = cursor.take("INDEX");
  if (!index && !cursor.take("TABLE")) {
    return {Form::kRepeatable, "", ""};
  }
  cursor.take("CONCURRENTLY");
  return {index ? Form::kReindexIndex : Form::kReindexTable, cursor.take_name(), ""};
}

// ALTER TABLE parent DETACH PARTITION part CONCURRENTLY
Shape read_alter(Cursor& cursor) {
  if (cursor.take("SYSTEM")) {
    return {Form::kRepeatable, "", ""};
  }
  if (!cursor.take("TABLE")) {
    return {};
  }
  if (cursor.take("IF")) {
    cursor.take("EXISTS");
  }
  cursor.take("ONLY");
  std::string parent = cursor.take_name();
  if (!cursor.take("DETACH") || !cursor.take("PARTITION")) {
    return {};
  }
  return {Form::kDetach, cursor.take_name(), std::move(parent)};
}

Shape shape_of(const std::string& statement) {
  const auto tokens = codec::tokenize_sql(codec::SqlDialect::kPostgreSql, statement);
  if (!tokens) {
    return {};
  }
  Cursor cursor(*tokens);
  if (cursor.take("CREATE")) {
    return read_create(cursor);
  }
  if (cursor.take("DROP")) {
    return read_drop(cursor);
  }
  if (cursor.take("REINDEX")) {
    return read_reindex(cursor);
  }
  if (cursor.take("VACUUM") || cursor.take("CLUSTER")) {
    return {Form::kRepeatable, "", ""};
  }
  return cursor.take("ALTER") ? read_alter(cursor) : Shape{};
}

struct IndexState {
  bool exists = false;
  bool valid = false;
  std::string qualified;
};

// The index of this name beside its table (an index cannot live in another schema).
Result<IndexState> find_index(Connection& connection, const Shape& shape) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.query(
          "SELECT i.indisvalid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) "
          "FROM pg_class t JOIN pg_class c ON c.relnamespace = t.relnamespace "
          "JOIN pg_index i ON i.indexrelid = c.oid AND i.indrelid = t.oid "
          "JOIN pg_namespace n ON n.oid = c.relnamespace "
          "WHERE t.oid = to_regclass($1) AND quote_ident(c.relname) = "
          "quote_ident((parse_ident($2))[1])",
          {shape.table, shape.name}));
  if (rows.rows.empty()) {
    return IndexState{};
  }
  return IndexState{true, rows.rows[0][0] == "t", rows.rows[0][1].value_or("")};
}

// Is the partition in its table still, and does it only wait to leave?
Result<Outcome> find_detached(Connection& connection, const Shape& shape) {
  ASSIGN_OR_RETURN(const Rows rows,
                   connection.query("SELECT inhdetachpending FROM pg_inherits WHERE inhparent = "
                                    "to_regclass($1) AND inhrelid = to_regclass($2)",
                                    {shape.table, shape.name}));
  if (rows.rows.empty()) {
    return Outcome::kDone;
  }
  return rows.rows[0][0] == "t" ? Outcome::kHalfDone : Outcome::kNotDone;
}

// Copies under names of its own that a broken REINDEX CONCURRENTLY leaves beside the indexes of the
// table: unused, but written to for ever.
Result<Rows> find_copies(Connection& connection, const Shape& shape) {
  return connection.query(
      fmt::format("SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_index i "
                  "JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = "
                  "c.relnamespace WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' AND "
                  "i.indrelid = {}",
                  shape.form == Form::kReindexTable
                      ? "to_regclass($1)"
                      : "(SELECT indrelid FROM pg_index WHERE indexrelid = to_regclass($1))"),
      {shape.name});
}

Status drop_index(Connection& connection, const std::string& qualified) {
  return status_of_rows(connection.execute("DROP INDEX CONCURRENTLY IF EXISTS " + qualified));
}

Result<bool> exists(Connection& connection, const std::string& sql, const std::string& name) {
  ASSIGN_OR_RETURN(const Rows rows, connection.query(sql, {name}));
  return rows.rows[0][0] == "t";
}

constexpr std::string_view kDatabaseExists =
    "SELECT EXISTS (SELECT FROM pg_database WHERE datname = (parse_ident($1))[1])";

}  // namespace

Result<std::string> target_of(Connection& connection, const std::string& statement) {
  const Shape shape = shape_of(statement);
  if (shape.form != Form::kDropIndex) {
    return std::string();
  }
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.query("SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) "
                       "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                       "WHERE c.oid = to_regclass($1)",
                       {shape.name}));
  return rows.rows.empty() ? std::string() : rows.rows[0][0].value_or("");
}

Result<Outcome> probe_statement(Connection& connection, const std::string& statement,
                                const std::string& target) {
  const Shape shape = shape_of(statement);
  const auto when = [](bool done) { return done ? Outcome::kDone : Outcome::kNotDone; };
  switch (shape.form) {
    case Form::kCreateIndex: {
      ASSIGN_OR_RETURN(const IndexState index, find_index(connection, shape));
      return when(index.exists && index.valid);
    }
    case Form::kDropIndex: {
      ASSIGN_OR_RETURN(const bool there, exists(connection, "SELECT to_regclass($1) IS NOT NULL",
                                                target.empty() ? shape.name : target));
      return when(!there);
    }
    case Form::kCreateDatabase:
    case Form::kDropDatabase: {
      ASSIGN_OR_RETURN(const bool there,
                       exists(connection, std::string(kDatabaseExists), shape.name));
      return when(there == (shape.form == Form::kCreateDatabase));
    }
    case Form::kDetach:
      return find_detached(connection, shape);
    case Form::kReindexIndex:
    case Form::kReindexTable:
    case Form::kRepeatable:
      return Outcome::kNotDone;
    case Form::kOther:
      return Outcome::kUnknown;
  }
  return Outcome::kUnknown;
}

Status can_probe(const std::string& statement) {
  const Shape shape = shape_of(statement);
  if (shape.form == Form::kCreateIndex && (shape.name.empty() || shape.table.empty())) {
    return {
        StatusCode::kInvalidArgument,
        "give the index a name: CREATE INDEX CONCURRENTLY name ON ...; without one a crash could "
        "not be told from success",
        "UnnamedIndex"};
  }
  return {};
}

Status verify_statement(Connection& connection, const std::string& statement) {
  const Shape shape = shape_of(statement);
  if (shape.form != Form::kCreateIndex) {
    return {};
  }
  ASSIGN_OR_RETURN(const IndexState index, find_index(connection, shape));
  if (index.exists && index.valid) {
    return {};
  }
  return {StatusCode::kFailedPrecondition,
          fmt::format(
              "index {} is not valid although the statement ran: an earlier build left it; DROP "
              "INDEX CONCURRENTLY it, then it is built anew",
              shape.name),
          "InvalidIndex"};
}

Status clear_leftover(Connection& connection, const std::string& statement) {
  const Shape shape = shape_of(statement);
  if (shape.form == Form::kCreateIndex) {
    ASSIGN_OR_RETURN(const IndexState index, find_index(connection, shape));
    return index.exists && !index.valid ? drop_index(connection, index.qualified) : ok_status();
  }
  if (shape.form == Form::kReindexIndex || shape.form == Form::kReindexTable) {
    ASSIGN_OR_RETURN(const Rows copies, find_copies(connection, shape));
    for (const auto& row : copies.rows) {
      RETURN_IF_ERROR(drop_index(connection, row[0].value_or("")));
    }
  }
  return {};
}

Status finish_half(Connection& connection, const std::string& statement) {
  const Shape shape = shape_of(statement);
  return status_of_rows(connection.execute(
      fmt::format("ALTER TABLE {} DETACH PARTITION {} FINALIZE", shape.table, shape.name)));
}

bool sets_session(const std::string& statement) {
  const auto tokens = codec::tokenize_sql(codec::SqlDialect::kPostgreSql, statement);
  if (!tokens) {
    return false;
  }
  Cursor cursor(*tokens);
  if (cursor.take("SET") || cursor.take("RESET")) {
    return true;
  }
  if (!cursor.take("SELECT")) {
    return false;
  }
  std::string function = cursor.take_name();
  const bool sets = function == R"("set_config")" || function == R"("pg_catalog"."set_config")";
  while (!cursor.at_end() && !cursor.peek().symbol(')')) {
    cursor.skip();
  }
  cursor.skip();
  return sets && (cursor.at_end() || cursor.peek().symbol(';'));
}

}  // namespace ripcord::postgres
