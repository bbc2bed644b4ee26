// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/shadow_databases.h"

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/shadow_catalog.h"
#include "adapters/sqlite/shadow_seed.h"
#include "controller/codec/sql_lexer.h"

#include <algorithm>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::sqlite {
namespace {

bool reaches_beyond(const SqlStatement& statement) {
  const auto tokens = codec::tokenize_sql(codec::SqlDialect::kSqlite, statement.text);
  return tokens && !tokens->empty() &&
         (tokens->front().word("ATTACH") ||
          (tokens->front().word("VACUUM") &&
           std::any_of(tokens->begin(), tokens->end(),
                       [](const auto& t) { return t.word("INTO"); })));
}

// As the real run does it: in one transaction unless a statement needs none.
Status run_script(Connection& connection, const std::vector<SqlStatement>& script,
                  const std::stop_token& stop) {
  const bool at_once = std::none_of(script.begin(), script.end(),
                                    [](const SqlStatement& s) { return s.needs_no_transaction; });
  if (at_once) {
    RETURN_IF_ERROR(connection.execute("BEGIN"));
  }
  for (const SqlStatement& statement : script) {
    Status ran =
        reaches_beyond(statement)
            ? Status(StatusCode::kFailedPrecondition,
                     "the statement reaches beyond its database, so that it cannot be tried "
                     "on a shadow",
                     "ReachesBeyond")
            : connection.execute(statement.text, stop);
    if (!ran.ok()) {
      if (connection.in_transaction()) {
        static_cast<void>(connection.execute("ROLLBACK"));
      }
      return {ran.code(), fmt::format("line {}: {}", statement.line, ran.message()), ran.reason()};
    }
  }
  return at_once ? connection.execute("COMMIT") : ok_status();
}

Result<Connection> open_in_memory() {
  ASSIGN_OR_RETURN(Connection connection, Connection::open(":memory:", OpenMode::kCreate));
  RETURN_IF_ERROR(connection.execute("PRAGMA foreign_keys = OFF"));
  return connection;
}

class Shadow final : public ShadowDatabase {
 public:
  explicit Shadow(Connection connection) : connection_(std::move(connection)) {}

  Result<SchemaCatalog> catalog() override { return read_catalog(connection_); }
  Result<std::map<std::string, std::string>> seed(SeedRows wanted) override {
    return seed_tables(connection_, rounds_++, wanted);
  }
  Status empty() override { return empty_tables(connection_); }
  Result<ShadowContent> content() override { return read_content(connection_); }
  Status run(const std::vector<SqlStatement>& script, std::stop_token stop) override {
    return run_script(connection_, script, stop);
  }

 private:
  Connection connection_;
  int rounds_ = 0;
};

class Schema final : public ShadowSchema {
 public:
  explicit Schema(Connection connection) : connection_(std::move(connection)) {}

  Result<std::unique_ptr<ShadowDatabase>> copy(std::stop_token) override {
    ASSIGN_OR_RETURN(Connection copy, open_in_memory());
    sqlite3_backup* backup =
        sqlite3_backup_init(copy.handle(), "main", connection_.handle(), "main");
    if (backup == nullptr) {
      return as_return(copy.failure(sqlite3_errcode(copy.handle())));
    }
    sqlite3_backup_step(backup, -1);
    if (const int code = sqlite3_backup_finish(backup); code != SQLITE_OK) {
      return as_return(copy.failure(code));
    }
    return std::make_unique<Shadow>(std::move(copy));
  }

  Result<std::unique_ptr<ShadowDatabase>> take(std::stop_token) override {
    return std::make_unique<Shadow>(std::move(connection_));
  }

  Status advance(const std::vector<SqlStatement>& up, std::stop_token stop) override {
    return run_script(connection_, up, stop);
  }

 private:
  Connection connection_;
};

Status copy_schema(const std::string& path, Connection& shadow) {
  auto target = Connection::open(path, OpenMode::kReadWrite);
  if (!target) {
    return target.error().code() == StatusCode::kNotFound ? ok_status() : target.error();
  }
  // Tables first; what SQLite makes by itself has no text or a name of its own.
  ASSIGN_OR_RETURN(
      const Rows texts,
      target->query("select sql from sqlite_schema where sql is not null and name not "
                    "like 'sqlite\\_%' escape '\\' and name not like 'ripcord\\_%' escape "
                    "'\\' and name not in (select name from pragma_table_list where type = "
                    "'shadow') order by case type when 'table' then 0 when 'view' then 1 "
                    "when 'index' then 2 else 3 end, rowid"));
  for (const auto& row : texts.rows) {
    RETURN_IF_ERROR(shadow.execute(row[0].value_or("")).annotated("copying the schema"));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<ShadowSchema>> SqliteShadows::make(const DatabaseRef& target,
                                                          const std::optional<DatabaseRef>&,
                                                          Duration, std::stop_token) {
  ASSIGN_OR_RETURN(Connection connection, open_in_memory());
  RETURN_IF_ERROR(copy_schema(target.path, connection));
  return std::make_unique<Schema>(std::move(connection));
}

}  // namespace ripcord::sqlite
