// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/at_risk.h"

#include "adapters/postgres/foreign_keys.h"
#include "adapters/postgres/risk_table.h"
#include "controller/base/time_text.h"

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <utility>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

constexpr std::size_t kTogether = 100;  // questions in one statement

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

void add_note(DataAtRisk& risk, const std::string& note) {
  risk.note += (risk.note.empty() ? "" : "; ") + note;
}

// Losses become questions about tables; those about one table are asked together, so that each
// table is read once.
class Counter {
 public:
  Counter(Connection& connection, const std::stop_token& stop)
      : connection_(connection), stop_(stop) {}

  // `risk` must stay where it is until ask().
  Status add(const LossAtRisk& loss, DataAtRisk& risk) {
    switch (loss.loss.what) {
      case DataLoss::What::kTable:
        return add_rows(loss.loss.relation, "", risk);
      case DataLoss::What::kRows:
        return add_row_set(loss.loss, risk);
      case DataLoss::What::kColumn:
        return add_column(loss.loss, risk);
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

  Status ask() {
    for (auto& [name, questions] : questions_) {
      for (std::size_t at = 0; at < questions.size(); at += kTogether) {
        const auto begin = questions.begin() + static_cast<std::ptrdiff_t>(at);
        const auto count = std::min(kTogether, questions.size() - at);
        RETURN_IF_ERROR(ask({begin, begin + static_cast<std::ptrdiff_t>(count)}));
      }
    }
    questions_.clear();
    return {};
  }

 private:
  struct Question {
    const RiskTable* table = nullptr;
    std::string filter;  // empty: every row
    DataAtRisk* risk = nullptr;
  };

  Result<const RiskTable*> find(const std::string& relation) {
    auto known = tables_.find(relation);
    if (known == tables_.end()) {
      ASSIGN_OR_RETURN(auto table, find_risk_table(connection_, relation));
      known = tables_.emplace(relation, std::move(table)).first;
    }
    return known->second ? &*known->second : nullptr;
  }

  void add(const RiskTable& table, std::string filter, DataAtRisk& risk) {
    questions_[table.name].push_back({&table, std::move(filter), &risk});
  }

  Status add_rows(const std::string& relation, std::string filter, DataAtRisk& risk) {
    ASSIGN_OR_RETURN(const RiskTable* const table, find(relation));
    if (table == nullptr) {
      risk.note = "there is no such table now: another step makes or renames it";
      return {};
    }
    add(*table, std::move(filter), risk);
    return {};
  }

  Status add_row_set(const DataLoss& loss, DataAtRisk& risk) {
    risk.at_most = risk.at_most || !loss.where;
    RETURN_IF_ERROR(
        add_rows(loss.relation, loss.where ? fmt::format("({})", *loss.where) : "", risk));
    ASSIGN_OR_RETURN(const RiskTable* const table, find(loss.relation));
    if (table != nullptr) {
      ASSIGN_OR_RETURN(const std::string triggers, triggers_on(connection_, *table, loss));
      if (!triggers.empty()) {
        add_note(risk, fmt::format("what trigger {} does is not known", triggers));
      }
    }
    return {};
  }

  Status add_column(const DataLoss& loss, DataAtRisk& risk) {
    ASSIGN_OR_RETURN(const RiskTable* const table, find(loss.relation));
    const RiskColumn* column = table != nullptr ? table->find(loss.column) : nullptr;
    if (column == nullptr) {
      risk.note = "there is no such column now: another step makes or renames it";
      return {};
    }
    if (!column->constant_default) {
      risk.note = "its default is no constant, so every value counts";
    }
    add(*table, RiskTable::differs_sql(*column), risk);
    return {};
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
    Counter inside(connection_, stop_);
    std::deque<DataAtRisk> each;
    for (const std::string& name : tables) {
      RETURN_IF_ERROR(inside.add_rows(name, "", each.emplace_back()));
    }
    RETURN_IF_ERROR(inside.ask());
    risk.rows = 0;
    for (const DataAtRisk& one : each) {
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

  // All of one table.
  Status ask(const std::vector<Question>& questions) {
    const RiskTable& table = *questions.front().table;
    std::string columns;
    for (const Question& each : questions) {
      columns += fmt::format("{}count(*){}, {}", columns.empty() ? "" : ", ",
                             each.filter.empty() ? "" : " FILTER (WHERE " + each.filter + ")",
                             newest_sql(table, each.filter));
    }
    const auto rows =
        connection_.query(fmt::format("SELECT {} FROM {}", columns, table.name), {}, stop_);
    if (rows) {
      for (std::size_t i = 0; i < questions.size(); ++i) {
        take(rows->rows.at(0).at(2 * i), rows->rows[0].at(2 * i + 1), *questions[i].risk);
      }
      return {};
    }
    if (rows.error().code() == StatusCode::kDeadlineExceeded) {
      return estimate(questions);
    }
    if (questions.size() == 1 || !connection_.alive()) {
      return or_note(rows.error(), *questions.front().risk);
    }
    for (const Question& each : questions) {  // which of them is refused?
      RETURN_IF_ERROR(ask({each}));
    }
    return {};
  }

  static void take(const Value& rows, const Value& newest, DataAtRisk& risk) {
    risk.rows = number(rows);
    if (newest) {
      if (const auto time = parse_time(*newest)) {
        risk.newest = *time;
      }
    }
  }

  Status estimate(const std::vector<Question>& questions) {
    ASSIGN_OR_RETURN(const Rows estimate,
                     connection_.query("SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE "
                                       "oid = $1::regclass",
                                       {questions.front().table->name}));
    for (const Question& each : questions) {
      each.risk->rows = number(estimate.rows.at(0).at(0));
      each.risk->at_most = true;
      add_note(*each.risk, "the server's estimate of all rows: counting took too long");
    }
    return {};
  }

  // What the server refuses to tell is no reason to hide the rest.
  Status or_note(const Status& failure, DataAtRisk& risk) {
    if (!connection_.alive() || failure.code() == StatusCode::kCancelled) {
      return failure;
    }
    add_note(risk, "cannot be counted: " + failure.message());
    return {};
  }

  Connection& connection_;
  const std::stop_token& stop_;
  std::map<std::string, std::optional<RiskTable>> tables_;
  std::map<std::string, std::vector<Question>> questions_;  // by table
};

// Of each version whose rows go.
Status add_dependents(Connection& connection, const std::vector<LossAtRisk>& losses,
                      Counter& counter, std::deque<DataAtRisk>& risks) {
  std::map<std::int64_t, std::vector<DataLoss>, std::greater<>> by_version;
  bool rows = false;
  for (const LossAtRisk& loss : losses) {
    if (loss.unknown.empty()) {
      rows = rows || loss.loss.what == DataLoss::What::kRows;
      by_version[loss.version].push_back(loss.loss);
    }
  }
  if (!rows) {
    return {};
  }
  ASSIGN_OR_RETURN(const ForeignKeys keys, ForeignKeys::read(connection));
  for (const auto& [version, lost] : by_version) {
    ASSIGN_OR_RETURN(const auto dependents, find_dependents(connection, keys, lost));
    for (const Dependent& each : dependents) {
      DataAtRisk& risk = risks.emplace_back();
      risk.version = version;
      risk.what = each.what;
      risk.at_most = each.at_most;
      risk.note = each.circular ? "its foreign keys go in a circle" : "";
      RETURN_IF_ERROR(counter.add({version, each.loss}, risk));
    }
  }
  return {};
}

}  // namespace

Result<std::vector<DataAtRisk>> count_at_risk(Connection& connection,
                                              const std::vector<LossAtRisk>& losses,
                                              const std::stop_token& stop, Duration patience) {
  ASSIGN_OR_RETURN(
      const Rows limited,
      connection.execute(fmt::format(
          "SET default_transaction_read_only = on; SET row_security = off; SET lock_timeout = "
          "'2s'; SET statement_timeout = '{}ms'",
          std::chrono::duration_cast<std::chrono::milliseconds>(patience).count())));
  static_cast<void>(limited);
  std::vector<DataAtRisk> counted(losses.size());
  Counter counter(connection, stop);
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const LossAtRisk& loss = losses[i];
    DataAtRisk& risk = counted[i];
    risk.version = loss.version;
    risk.what = loss.unknown.empty() ? to_string(loss.loss) : "unknown";
    if (!loss.unknown.empty()) {
      risk.note = "cannot be counted: " + loss.unknown;
      continue;
    }
    RETURN_IF_ERROR(counter.add(loss, risk));
  }
  std::deque<DataAtRisk> dependents;
  RETURN_IF_ERROR(add_dependents(connection, losses, counter, dependents));
  RETURN_IF_ERROR(counter.ask());
  counted.insert(counted.end(), dependents.begin(), dependents.end());
  return counted;
}

}  // namespace ripcord::postgres
