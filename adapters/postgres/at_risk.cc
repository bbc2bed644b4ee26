// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/at_risk.h"

#include "adapters/postgres/risk_table.h"
#include "controller/base/time_text.h"

#include <cstdlib>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

std::int64_t number(const Value& value) {
  return value ? std::strtoll(value->c_str(), nullptr, 10) : 0;
}

// The newest of the table's own times, in UTC; those of the future (ends, deadlines) tell nothing.
std::string newest_sql(const RiskTable& table, const std::string& filter) {
  std::string times;
  for (const RiskColumn& column : table.columns) {
    if (column.is_time) {
      times += fmt::format("{}max({}::timestamptz) FILTER (WHERE {}::timestamptz <= now(){}{})",
                           times.empty() ? "" : ", ", column.name, column.name,
                           filter.empty() ? "" : " AND ", filter);
    }
  }
  return times.empty() ? "NULL"
                       : fmt::format(
                             "to_char(nullif(greatest({}), '-infinity') AT TIME ZONE "
                             "'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
                             times);
}

class Counter {
 public:
  Counter(Connection& connection, const std::stop_token& stop)
      : connection_(connection), stop_(stop) {}

  Status count(const LossAtRisk& loss, DataAtRisk& risk) {
    switch (loss.loss.what) {
      case DataLoss::What::kTable:
        return count_rows(loss.loss, "", risk);
      case DataLoss::What::kRows:
        risk.at_most = !loss.loss.where;
        return count_rows(loss.loss, loss.loss.where ? fmt::format("({})", *loss.loss.where) : "",
                          risk);
      case DataLoss::What::kColumn:
        return count_column(loss.loss, risk);
      case DataLoss::What::kSequence:
        return look_at_sequence(loss.loss, risk);
      case DataLoss::What::kSchema:
        return count_schema(loss.loss, risk);
      case DataLoss::What::kDatabase:
      case DataLoss::What::kOther:
        break;
    }
    risk.note = "cannot be counted";
    return {};
  }

 private:
  Status count_rows(const DataLoss& loss, const std::string& filter, DataAtRisk& risk) {
    ASSIGN_OR_RETURN(const auto table, find_risk_table(connection_, loss.relation));
    if (!table) {
      risk.note = "there is no such table now: another step makes or renames it";
      return {};
    }
    return ask(*table, filter, risk);
  }

  Status count_column(const DataLoss& loss, DataAtRisk& risk) {
    ASSIGN_OR_RETURN(const auto table, find_risk_table(connection_, loss.relation));
    const RiskColumn* column = table ? table->find(loss.column) : nullptr;
    if (column == nullptr) {
      risk.note = "there is no such column now: another step makes or renames it";
      return {};
    }
    if (!column->constant_default) {
      risk.note = "its default is no constant, so every value counts";
    }
    return ask(*table, RiskTable::differs_sql(*column), risk);
  }

  Status look_at_sequence(const DataLoss& loss, DataAtRisk& risk) {
    const auto rows = connection_.query(
        "SELECT coalesce(last_value, start_value) FROM pg_sequences WHERE format('%I.%I', "
        "schemaname, sequencename)::regclass = to_regclass($1)",
        {loss.relation}, stop_);
    if (!rows) {
      return or_note(rows.error(), risk);
    }
    risk.note = rows->rows.empty() ? "there is no such sequence now"
                                   : "it stands at " + rows->rows[0][0].value_or("its start");
    return {};
  }

  Status count_schema(const DataLoss& loss, DataAtRisk& risk) {
    ASSIGN_OR_RETURN(const auto tables, tables_of_schema(connection_, loss.relation));
    risk.rows = 0;
    for (const std::string& name : tables) {
      DataAtRisk one;
      RETURN_IF_ERROR(count_rows({DataLoss::What::kTable, name}, "", one));
      *risk.rows += one.rows.value_or(0);
      risk.newest = std::max(risk.newest, one.newest);
      if (!one.note.empty()) {
        risk.note = one.note;
      }
    }
    risk.note =
        fmt::format("{} tables{}{}", tables.size(), risk.note.empty() ? "" : "; ", risk.note);
    return {};
  }

  Status ask(const RiskTable& table, const std::string& filter, DataAtRisk& risk) {
    const auto rows =
        connection_.query(fmt::format("SELECT count(*){}, {} FROM {}",
                                      filter.empty() ? "" : " FILTER (WHERE " + filter + ")",
                                      newest_sql(table, filter), table.name),
                          {}, stop_);
    if (rows) {
      risk.rows = number(rows->rows.at(0).at(0));
      if (const Value& newest = rows->rows[0][1]) {
        if (const auto time = parse_time(*newest)) {
          risk.newest = *time;
        }
      }
      return {};
    }
    if (rows.error().code() != StatusCode::kDeadlineExceeded) {
      return or_note(rows.error(), risk);
    }
    ASSIGN_OR_RETURN(const Rows estimate,
                     connection_.query("SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE "
                                       "oid = $1::regclass",
                                       {table.name}));
    risk.rows = number(estimate.rows.at(0).at(0));
    risk.at_most = true;
    risk.note = "the server's estimate of all rows: counting took too long";
    return {};
  }

  // What the server refuses to tell is no reason to hide the rest.
  Status or_note(const Status& failure, DataAtRisk& risk) {
    if (!connection_.alive() || failure.code() == StatusCode::kCancelled) {
      return failure;
    }
    risk.note = "cannot be counted: " + failure.message();
    return {};
  }

  Connection& connection_;
  const std::stop_token& stop_;
};

}  // namespace

Result<std::vector<DataAtRisk>> count_at_risk(Connection& connection,
                                              const std::vector<LossAtRisk>& losses,
                                              const std::stop_token& stop, Duration patience) {
  ASSIGN_OR_RETURN(
      const Rows limited,
      connection.execute(fmt::format(
          "SET default_transaction_read_only = on; SET lock_timeout = '2s'; SET statement_timeout "
          "= '{}ms'",
          std::chrono::duration_cast<std::chrono::milliseconds>(patience).count())));
  static_cast<void>(limited);
  std::vector<DataAtRisk> counted;
  Counter counter(connection, stop);
  for (const LossAtRisk& loss : losses) {
    DataAtRisk& risk = counted.emplace_back();
    risk.version = loss.version;
    risk.what = loss.unknown.empty() ? to_string(loss.loss) : "unknown";
    if (!loss.unknown.empty()) {
      risk.note = "cannot be counted: " + loss.unknown;
      continue;
    }
    RETURN_IF_ERROR(counter.count(loss, risk));
  }
  return counted;
}

}  // namespace ripcord::postgres
