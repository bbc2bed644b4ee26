// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/at_risk.h"

#include "adapters/sqlite/risk_table.h"
#include "controller/base/time_text.h"

#include <cstdlib>
#include <limits>

#include <fmt/format.h>

namespace ripcord::sqlite {
namespace {

Status ask(Connection& connection, const RiskTable& table, const std::string& filter,
           const std::stop_token& stop, DataAtRisk& risk) {
  ASSIGN_OR_RETURN(const Rows rows, connection.query(fmt::format("SELECT count(*) FROM {} WHERE {}",
                                                                 table.name, filter),
                                                     {}, stop));
  risk.rows = std::strtoll(rows.rows.at(0).at(0).value_or("0").c_str(), nullptr, 10);
  for (const RiskColumn& column : table.columns) {
    if (!column.is_time) {
      continue;
    }
    // Text that SQLite reads as a time, or Unix seconds; those of the future tell nothing.
    ASSIGN_OR_RETURN(
        const Rows newest,
        connection.query(
            fmt::format("SELECT max(t) FROM (SELECT CASE typeof({0}) WHEN 'integer' THEN "
                        "strftime('%Y-%m-%dT%H:%M:%SZ', {0}, 'unixepoch') ELSE "
                        "strftime('%Y-%m-%dT%H:%M:%SZ', {0}) END AS t FROM {1} WHERE {2}) WHERE t "
                        "<= strftime('%Y-%m-%dT%H:%M:%SZ', 'now')",
                        column.name, table.name, filter),
            {}, stop));
    const auto time = parse_time(newest.rows.at(0).at(0).value_or(""));
    if (time && (!risk.newest || *time > *risk.newest)) {
      risk.newest = *time;
    }
  }
  return {};
}

// Rowids are of different rows, so there are no more rows than lie between the first and the last.
Status bound(Connection& connection, const RiskTable& table, DataAtRisk& risk) {
  connection.limit({});
  risk.note = "counting took too long";
  risk.newest.reset();
  const auto rows = connection.query(
      fmt::format("SELECT r FROM (SELECT max(rowid) - min(rowid) + 1 AS r FROM {}) WHERE typeof(r) "
                  "= 'integer'",
                  table.name));
  risk.rows.reset();
  if (rows && !rows->rows.empty()) {
    risk.rows = std::strtoll(rows->rows[0][0].value_or("0").c_str(), nullptr, 10);
    risk.at_most = true;
    risk.note = "by the table's rowids: counting took too long";
  }
  return {};
}

Status count_one(Connection& connection, const DataLoss& loss, const std::stop_token& stop,
                 DataAtRisk& risk) {
  const bool column_loss = loss.what == DataLoss::What::kColumn;
  if (!column_loss && loss.what != DataLoss::What::kTable && loss.what != DataLoss::What::kRows) {
    risk.note = "cannot be counted";
    return {};
  }
  ASSIGN_OR_RETURN(const RiskTable table, find_risk_table(connection, loss.relation));
  const RiskColumn* column = column_loss ? table.find(loss.column) : nullptr;
  if (table.columns.empty() || (column_loss && column == nullptr)) {
    risk.note = fmt::format("there is no such {} now: another step makes or renames it",
                            column_loss ? "column" : "table");
    return {};
  }
  if (column_loss && !column->constant_default) {
    risk.note = "its default is no constant, so every value counts";
  }
  risk.at_most = loss.what == DataLoss::What::kRows && !loss.where;
  const std::string filter =
      column_loss ? RiskTable::differs_sql(*column) : fmt::format("({})", loss.where.value_or("1"));
  const Status asked = ask(connection, table, filter, stop, risk);
  if (asked.code() == StatusCode::kDeadlineExceeded) {
    return bound(connection, table, risk);
  }
  if (asked.code() == StatusCode::kFailedPrecondition) {
    risk.note = "cannot be counted: " + asked.message();
    return {};
  }
  return asked;
}

}  // namespace

Result<std::vector<DataAtRisk>> count_at_risk(Connection& connection,
                                              const std::vector<LossAtRisk>& losses,
                                              const Clock& clock, const std::stop_token& stop,
                                              Duration patience) {
  std::vector<DataAtRisk> counted;
  for (const LossAtRisk& loss : losses) {
    DataAtRisk& risk = counted.emplace_back();
    risk.version = loss.version;
    risk.what = loss.unknown.empty() ? to_string(loss.loss) : "unknown";
    if (!loss.unknown.empty()) {
      risk.note = "cannot be counted: " + loss.unknown;
      continue;
    }
    connection.limit({&clock, clock.now() + patience, std::numeric_limits<std::size_t>::max()});
    RETURN_IF_ERROR(count_one(connection, loss.loss, stop, risk));
  }
  return counted;
}

}  // namespace ripcord::sqlite
