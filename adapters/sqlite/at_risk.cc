// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/at_risk.h"

#include "adapters/sqlite/risk_table.h"
#include "controller/base/time_text.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>
#include <vector>

#include <fmt/format.h>

namespace ripcord::sqlite {
namespace {

constexpr std::size_t kTogether = 100;  // questions in one statement

// Of the table's own times, in the rows of the filter.
Status find_newest(Connection& connection, const RiskTable& table, const std::string& filter,
                   const std::stop_token& stop, DataAtRisk& risk) {
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

void add_note(DataAtRisk& risk, const std::string& note) {
  risk.note += (risk.note.empty() ? "" : "; ") + note;
}

// Rowids are of different rows, so there are no more rows than lie between the first and the last.
Status bound(Connection& connection, const RiskTable& table, DataAtRisk& risk) {
  connection.limit({});
  risk.newest.reset();
  const auto rows = connection.query(
      fmt::format("SELECT r FROM (SELECT max(rowid) - min(rowid) + 1 AS r FROM {}) WHERE typeof(r) "
                  "= 'integer'",
                  table.name));
  risk.rows.reset();
  if (!rows || rows->rows.empty()) {
    add_note(risk, "counting took too long");
    return {};
  }
  risk.rows = std::strtoll(rows->rows[0][0].value_or("0").c_str(), nullptr, 10);
  risk.at_most = true;
  add_note(risk, "by the table's rowids: counting took too long");
  return {};
}

struct Question {
  std::string filter;
  DataAtRisk* risk = nullptr;
};

// About one table, which is read once for all counts.
struct Questions {
  RiskTable table;
  std::vector<Question> all;
};

Status add(Connection& connection, Questions& questions, const DataLoss& loss, DataAtRisk& risk) {
  const bool column_loss = loss.what == DataLoss::What::kColumn;
  const RiskTable& table = questions.table;
  const RiskColumn* column = column_loss ? table.find(loss.column) : nullptr;
  if (table.columns.empty() || (column_loss && column == nullptr)) {
    risk.note = fmt::format("there is no such {} now: another step makes or renames it",
                            column_loss ? "column" : "table");
    return {};
  }
  if (column_loss && !column->constant_default) {
    risk.note = "its default is no constant, so every value counts";
  }
  if (loss.what == DataLoss::What::kRows) {
    risk.at_most = !loss.where;
    ASSIGN_OR_RETURN(const std::string triggers, triggers_on(connection, loss.relation, loss));
    if (!triggers.empty()) {
      add_note(risk, fmt::format("what trigger {} does is not known", triggers));
    }
  }
  questions.all.push_back({column_loss ? RiskTable::differs_sql(*column)
                                       : fmt::format("({})", loss.where.value_or("1")),
                           &risk});
  return {};
}

Status ask(Connection& connection, const RiskTable& table, const std::vector<Question>& questions,
           const std::stop_token& stop) {
  std::string columns;
  for (const Question& each : questions) {
    columns +=
        fmt::format("{}count(CASE WHEN {} THEN 1 END)", columns.empty() ? "" : ", ", each.filter);
  }
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.query(fmt::format("SELECT {} FROM {}", columns, table.name), {}, stop));
  for (std::size_t i = 0; i < questions.size(); ++i) {
    DataAtRisk& risk = *questions[i].risk;
    risk.rows = std::strtoll(rows.rows.at(0).at(i).value_or("0").c_str(), nullptr, 10);
    RETURN_IF_ERROR(find_newest(connection, table, questions[i].filter, stop, risk));
  }
  return {};
}

Status ask_or_note(Connection& connection, const RiskTable& table,
                   const std::vector<Question>& questions, const std::stop_token& stop) {
  const Status asked = ask(connection, table, questions, stop);
  if (asked.code() == StatusCode::kDeadlineExceeded) {
    for (const Question& each : questions) {
      RETURN_IF_ERROR(bound(connection, table, *each.risk));
    }
    return {};
  }
  if (asked.code() != StatusCode::kFailedPrecondition) {
    return asked;
  }
  if (questions.size() == 1) {
    add_note(*questions.front().risk, "cannot be counted: " + asked.message());
    return {};
  }
  for (const Question& each : questions) {  // which of them is refused?
    RETURN_IF_ERROR(ask_or_note(connection, table, {each}, stop));
  }
  return {};
}

}  // namespace

Result<std::vector<DataAtRisk>> count_at_risk(Connection& connection,
                                              const std::vector<LossAtRisk>& losses,
                                              const Clock& clock, const std::stop_token& stop,
                                              Duration patience) {
  std::vector<DataAtRisk> counted(losses.size());
  std::map<std::string, Questions> tables;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const DataLoss& loss = losses[i].loss;
    DataAtRisk& risk = counted[i];
    risk.version = losses[i].version;
    risk.what = losses[i].unknown.empty() ? to_string(loss) : "unknown";
    if (!losses[i].unknown.empty()) {
      risk.note = "cannot be counted: " + losses[i].unknown;
      continue;
    }
    if (loss.what != DataLoss::What::kColumn && loss.what != DataLoss::What::kTable &&
        loss.what != DataLoss::What::kRows) {
      risk.note = "cannot be counted";
      continue;
    }
    auto [at, fresh] = tables.try_emplace(loss.relation);
    if (fresh) {
      ASSIGN_OR_RETURN(at->second.table, find_risk_table(connection, loss.relation));
    }
    RETURN_IF_ERROR(add(connection, at->second, loss, risk));
  }
  for (const auto& [name, questions] : tables) {
    for (std::size_t at = 0; at < questions.all.size(); at += kTogether) {
      const auto begin = questions.all.begin() + static_cast<std::ptrdiff_t>(at);
      const auto count = std::min(kTogether, questions.all.size() - at);
      connection.limit({&clock, clock.now() + patience, std::numeric_limits<std::size_t>::max()});
      RETURN_IF_ERROR(ask_or_note(connection, questions.table,
                                  {begin, begin + static_cast<std::ptrdiff_t>(count)}, stop));
    }
  }
  return counted;
}

}  // namespace ripcord::sqlite
