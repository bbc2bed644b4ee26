// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/transition_validation.h"

#include "adapters/postgres/transition_sync.h"
#include "controller/codec/transition_verdict.h"

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

Result<Rows> ask(Connection& connection, const std::string& sql, const MigrationPolicy& policy,
                 const std::stop_token& stop) {
  RETURN_IF_ERROR(status_of_rows(connection.execute(fmt::format(
      "BEGIN READ ONLY; SET LOCAL statement_timeout = {}",
      std::chrono::duration_cast<std::chrono::milliseconds>(policy.statement_timeout).count()))));
  Result<Rows> rows = connection.query(sql, {}, stop);
  if (connection.alive()) {
    static_cast<void>(connection.execute("ROLLBACK"));
  }
  return rows;
}

}  // namespace

Result<std::string> check(Connection& connection, const TransitionValidation& validation,
                          const MigrationPolicy& policy, const std::stop_token& stop) {
  if (!validation.query.empty()) {
    const auto rows = ask(connection, validation.query, policy, stop);
    if (!rows) {
      return as_return(rows.error().annotated(fmt::format("validation \"{}\"", validation.query)));
    }
    const bool one = rows->rows.size() == 1 && rows->columns.size() == 1;
    return codec::judge_number(validation, one ? rows->rows[0][0] : std::nullopt);
  }
  ASSIGN_OR_RETURN(const std::string table, resolve_table(connection, validation.table));
  const std::string column = Connection::quote_identifier(validation.column);
  const std::string against =
      validation.not_null
          ? fmt::format("{} IS NULL", column)
          : fmt::format("{}::text !~ {}", column, Connection::quote_literal(validation.pattern));
  const auto rows = ask(connection, fmt::format("SELECT count(*) FROM {} WHERE {}", table, against),
                        policy, stop);
  if (!rows) {
    return as_return(rows.error().annotated(
        fmt::format("validation of {}.{}", validation.table, validation.column)));
  }
  return codec::judge_count(validation, rows->rows[0][0].value_or("0"),
                            fmt::format("SELECT * FROM {} WHERE {}", table, against));
}

}  // namespace ripcord::postgres
