// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/archive.h"

#include "adapters/postgres/foreign_keys.h"
#include "adapters/postgres/risk_table.h"
#include "controller/base/durable_folder.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

constexpr std::string_view kScript = "bring-back.sql";

std::string names_of(const std::vector<const RiskColumn*>& columns, std::string_view prefix = "") {
  std::string names;
  for (const RiskColumn* column : columns) {
    names += fmt::format("{}{}{}", names.empty() ? "" : ", ", prefix, column->name);
  }
  return names;
}

std::vector<const RiskColumn*> all_of(const RiskTable& table) {
  std::vector<const RiskColumn*> all;
  for (const RiskColumn& column : table.columns) {
    all.push_back(&column);
  }
  return all;
}

// Row t and row b have the same key.
std::string same_key(const std::vector<const RiskColumn*>& key) {
  std::string same;
  for (const RiskColumn* each : key) {
    same += fmt::format("{}t.{} = b.{}", same.empty() ? "" : " and ", each->name, each->name);
  }
  return same;
}

// Without a key, rows that look the same are counted: as many are inserted as are missing.
std::string insert_missing(const RiskTable& table, const std::string& columns,
                           const std::string& staging) {
  if (!table.key().empty()) {
    return fmt::format(
        "insert into {0} ({1}) overriding system value select {1} from {2} on conflict do "
        "nothing;\n",
        table.name, columns, staging);
  }
  return fmt::format(
      "insert into {0} ({1}) overriding system value select {1} from (select {1}, row({1})::text "
      "as ripcord_row, row_number() over (partition by row({1})::text) as ripcord_nth from {2}) b "
      "left join (select row({1})::text as ripcord_row, count(*) as ripcord_here from {0} group by "
      "1) t using (ripcord_row) where ripcord_nth > coalesce(ripcord_here, 0) on conflict do "
      "nothing;\n",
      table.name, columns, staging);
}

// A row that was written over can be found again.
bool can_be_found(const RiskTable& table, const std::vector<std::string>& overwrites) {
  const auto in_key = [&](const std::string& name) {
    const RiskColumn* column = table.find(name);
    return column != nullptr && column->is_key;
  };
  return overwrites.empty() ||
         (!table.key().empty() && std::none_of(overwrites.begin(), overwrites.end(), in_key));
}

// The values that an UPDATE wrote over, in the rows that still are there.
std::string write_back(const RiskTable& table, const std::vector<std::string>& overwrites,
                       const std::string& staging) {
  std::vector<const RiskColumn*> columns;
  std::string set;
  for (const std::string& name : overwrites) {
    if (const RiskColumn* column = table.find(name)) {
      columns.push_back(column);
      set += fmt::format("{0}{1} = b.{1}", set.empty() ? "" : ", ", column->name);
    }
  }
  if (columns.empty()) {
    return "";
  }
  return fmt::format(
      "-- What was written to these columns since is overwritten; to keep some of it, narrow this "
      "update.\nupdate {0} t set {1} from {2} b where {3} and row({4})::text is distinct from "
      "row({5})::text;\n",
      table.name, set, staging, same_key(table.key()), names_of(columns, "t."),
      names_of(columns, "b."));
}

// A comment of the script.
std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

// As they are copied, whatever the table has by then.
std::string types_of(const std::vector<const RiskColumn*>& columns) {
  std::string names;
  for (const RiskColumn* column : columns) {
    names += fmt::format("{}null::{} as {}", names.empty() ? "" : ", ", column->type, column->name);
  }
  return names;
}

class Archive {
 public:
  Archive(Connection& connection, DurableFolder& folder, const ArchiveOrder& order,
          std::int64_t version, const std::stop_token& stop)
      : connection_(connection), folder_(folder), order_(order), version_(version), stop_(stop) {}

  Status copy(const ArchiveOrder::Item& item) {
    const DataLoss& loss = item.loss;
    switch (loss.what) {
      case DataLoss::What::kTable:
      case DataLoss::What::kRows:
        return copy_table(loss, item.file);
      case DataLoss::What::kColumn:
        return copy_column(loss, item.file);
      case DataLoss::What::kSequence:
        return copy_sequence(loss);
      case DataLoss::What::kSchema:
        return copy_schema(loss, item.file);
      case DataLoss::What::kDatabase:
      case DataLoss::What::kOther:
        break;
    }
    return {};
  }

  // With the tables of `items` locked: no foreign key that leads to them can be added any more.
  Status copy_dependents(const std::vector<ArchiveOrder::Item>& items) {
    ASSIGN_OR_RETURN(keys_, ForeignKeys::read(connection_));
    std::vector<DataLoss> losses;
    for (const ArchiveOrder::Item& item : items) {
      losses.push_back(item.loss);
    }
    ASSIGN_OR_RETURN(const auto dependents, find_dependents(connection_, keys_, losses));
    int number = 0;
    for (const Dependent& each : dependents) {
      const std::string file = fmt::format("fk-{:02}.{}", ++number,
                                           order_.format == ArchiveFormat::kCsv ? "csv" : "bin");
      RETURN_IF_ERROR(copy_table(each.loss, file));
      parts_.back().script.insert(0, fmt::format("-- {}\n", one_line(each.what)));
    }
    return {};
  }

  Status write_script() {
    RETURN_IF_ERROR(folder_.open(std::string(kScript)));
    RETURN_IF_ERROR(folder_.write(fmt::format(
        "-- What the down of version {} destroyed. Once that version is applied again, bring it "
        "back,\n-- in this folder, once:  psql \"$URL\" -v ON_ERROR_STOP=1 -f {}\nbegin;\nset "
        "constraints all deferred;\n{}commit;\n",
        version_, kScript, parents_first())));
    return folder_.close();
  }

 private:
  // Of the script: what brings one file back, into `table` (empty: into none).
  struct Part {
    std::string table;
    std::string script;
  };

  std::string& add_part(std::string table, std::string script) {
    return parts_.emplace_back(Part{std::move(table), std::move(script)}).script;
  }

  // In the order in which rows may be inserted; those that refer to each other as they came.
  std::string parents_first() const {
    std::vector<std::set<std::size_t>> waits_for(parts_.size());
    std::set<std::size_t> left;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      left.insert(i);
      for (std::size_t j = 0; j < parts_.size(); ++j) {
        if (parts_[i].table != parts_[j].table && keys_.refers(parts_[i].table, parts_[j].table)) {
          waits_for[i].insert(j);
        }
      }
    }
    std::string script;
    while (!left.empty()) {
      auto next = std::find_if(left.begin(), left.end(),
                               [&](std::size_t part) { return waits_for[part].empty(); });
      next = next == left.end() ? left.begin() : next;
      script += parts_[*next].script;
      for (auto& others : waits_for) {
        others.erase(*next);
      }
      left.erase(next);
    }
    return script;
  }

  std::string format() const {
    return order_.format == ArchiveFormat::kCsv ? "(format csv, header)" : "(format binary)";
  }

  // Readers go on; who writes waits until the step has ended.
  Status lock(const RiskTable& table) {
    return status_of_rows(connection_.execute(
        fmt::format("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", table.name), stop_));
  }

  // `all`: rows that a policy of row-level security hides from us too; else an error.
  Status write_file(const std::string& query, const std::string& file, bool all) {
    RETURN_IF_ERROR(folder_.open(file));
    RETURN_IF_ERROR(status_of_rows(connection_.execute(all ? "SET LOCAL row_security = off"
                                                           : "SET LOCAL row_security TO DEFAULT")));
    const auto rows = connection_.copy_out(
        fmt::format("COPY ({}) TO STDOUT WITH {}", query, format()),
        [&](std::string_view data) { return folder_.write(data); }, stop_);
    if (!rows) {
      return rows.error();
    }
    rows_ = *rows;
    RETURN_IF_ERROR(status_of_rows(connection_.execute("SET LOCAL row_security TO DEFAULT")));
    return folder_.close();
  }

  // \copy reads the rest of its line, whatever stands there.
  std::string load_into(const std::string& staging, const std::string& columns,
                        const RiskTable& table, const std::string& file) const {
    return fmt::format(
        "create temp table {0} as select {1} from {2} with no data;\n\\copy {0} from '{3}' with "
        "{4}\n",
        staging, columns, table.name, file, format());
  }

  Status copy_table(const DataLoss& loss, const std::string& file) {
    ASSIGN_OR_RETURN(const auto table, find_risk_table(connection_, loss.relation));
    if (!table) {
      add_part("", fmt::format("-- {}: it was not there any more\n", file));
      return {};
    }
    RETURN_IF_ERROR(lock(*table));
    const std::string columns = names_of(all_of(*table));
    // A statement on rows sees as many as this session does; who drops a table drops all of them.
    const bool all = loss.what != DataLoss::What::kRows;
    RETURN_IF_ERROR(write_file(fmt::format("SELECT {} FROM {} WHERE {}", columns, table->name,
                                           loss.where.value_or("true")),
                               file, all));
    const std::string staging = fmt::format("ripcord_back_{}", ++number_);
    std::string& script = add_part(table->name, fmt::format("-- {}: {} rows\n", file, rows_) +
                                                    load_into(staging, columns, *table, file));
    if (!can_be_found(*table, loss.overwrites)) {
      script +=
          fmt::format("-- {}: the rows as they were are in {} now; say yourself which is which.\n",
                      table->key().empty() ? table->name + " has no primary key"
                                           : "The primary key was written over",
                      staging);
      return {};
    }
    script += write_back(*table, loss.overwrites, staging) +
              (loss.keeps_rows ? "" : insert_missing(*table, columns, staging));
    if (!table->key().empty() && !loss.keeps_rows) {
      script += tell_missing(*table, all_of(*table), staging, "rows");
    }
    for (const RiskColumn& column : table->columns) {
      if (column.owns_sequence && !loss.keeps_rows) {
        script += fmt::format(
            "select setval(pg_get_serial_sequence({0}, {1}), max({2})) from {3} having max({2}) > "
            "coalesce(pg_sequence_last_value(pg_get_serial_sequence({0}, {1})::regclass), 0);\n",
            Connection::quote_literal(table->name), Connection::quote_literal(column.plain),
            column.name, table->name);
      }
    }
    return {};
  }

  Status copy_column(const DataLoss& loss, const std::string& file) {
    ASSIGN_OR_RETURN(const auto table, find_risk_table(connection_, loss.relation));
    const RiskColumn* column = table ? table->find(loss.column) : nullptr;
    if (column == nullptr) {
      add_part("", fmt::format("-- {}: it was not there any more\n", file));
      return {};
    }
    RETURN_IF_ERROR(lock(*table));
    std::vector<const RiskColumn*> columns = table->key();
    const std::vector<const RiskColumn*> key = columns;
    const bool in_key = std::find(key.begin(), key.end(), column) != key.end();
    if (key.empty() || in_key) {
      columns = all_of(*table);
    } else {
      columns.push_back(column);
    }
    RETURN_IF_ERROR(
        write_file(fmt::format("SELECT {} FROM {} WHERE {}", names_of(columns), table->name,
                               loss.keeps_rows ? "true" : RiskTable::differs_sql(*column)),
                   file, true));
    const std::string staging = fmt::format("ripcord_back_{}", ++number_);
    std::string& script =
        add_part(table->name, fmt::format("-- {}: {} values\n", file, rows_) +
                                  load_into(staging, types_of(columns), *table, file));
    if (key.empty() || in_key) {
      script += fmt::format(
          "-- {} has no primary key{}: the rows are in {} now; say yourself which is which.\n",
          table->name, in_key ? " beside it" : "", staging);
      return {};
    }
    if (loss.keeps_rows) {
      script += same_type(*table, *column, staging) + write_back(*table, {column->plain}, staging);
      return {};
    }
    // What the up fills in by itself cannot be told from what somebody wrote since.
    const bool filled =
        !column->constant_default || (column->not_null && column->default_value.empty());
    if (filled) {
      script += write_back(*table, {column->plain}, staging);
    } else {
      script += fmt::format(
          "-- What was written since is kept; to overwrite it, leave out what follows the last "
          "'and'.\nupdate {0} t set {1} = b.{1} from {2} b where {3} and (t.{1} is null{4});\n",
          table->name, column->name, staging, same_key(key),
          column->default_value.empty()
              ? std::string()
              : fmt::format(" or t.{}::text = ({})::text", column->name, column->default_value));
    }
    script += tell_missing(*table, {column}, staging, "values of column " + column->plain);
    return {};
  }

  // At the end of a part: how much of it is not there, for whatever reason.
  static std::string tell_missing(const RiskTable& table,
                                  const std::vector<const RiskColumn*>& columns,
                                  const std::string& staging, const std::string& what) {
    return fmt::format(
        "do $ripcord$ declare missing bigint; begin select count(*) into missing from {0} b where "
        "not exists (select from {1} t where {2} and row({3})::text = row({4})::text); if missing "
        "> 0 then raise warning '%', missing || {5}; end if; end $ripcord$;\n",
        staging, table.name, same_key(table.key()), names_of(columns, "t."),
        names_of(columns, "b."),
        Connection::quote_literal(fmt::format(" {} of {} are not as they were in the archive: "
                                              "something else stands in their place",
                                              what, table.name)));
  }

  // A narrower column would take the values and cut them without a word.
  std::string same_type(const RiskTable& table, const RiskColumn& column,
                        const std::string& staging) const {
    const std::string said = fmt::format(
        "column {} of {} is of another type than what was copied: apply version {} again, or run "
        "ALTER TABLE {} ALTER COLUMN {} TYPE {}",
        column.name, table.name, version_, table.name, column.name, column.type);
    return fmt::format(
        "do $ripcord$ begin if not exists (select from pg_attribute a join pg_attribute b using "
        "(attname, atttypid, atttypmod) where attname = {} and a.attrelid = {}::regclass and "
        "b.attrelid = '{}'::regclass) then raise exception '%', {}; end if; end $ripcord$;\n",
        Connection::quote_literal(column.plain), Connection::quote_literal(table.name), staging,
        Connection::quote_literal(said));
  }

  Status copy_sequence(const DataLoss& loss) {
    ASSIGN_OR_RETURN(
        const Rows rows,
        connection_.query("SELECT format('%I.%I', schemaname, sequencename), last_value FROM "
                          "pg_sequences WHERE format('%I.%I', schemaname, sequencename)::regclass "
                          "= to_regclass($1) AND last_value IS NOT NULL",
                          {loss.relation}));
    if (!rows.rows.empty()) {
      add_part("", fmt::format("select setval({}, {});\n",
                               Connection::quote_literal(rows.rows[0][0].value_or("")),
                               rows.rows[0][1].value_or("1")));
    }
    return {};
  }

  Status copy_schema(const DataLoss& loss, const std::string& file) {
    ASSIGN_OR_RETURN(const auto tables, tables_of_schema(connection_, loss.relation));
    const auto dot = file.rfind('.');
    for (std::size_t i = 0; i < tables.size(); ++i) {
      RETURN_IF_ERROR(
          copy_table({DataLoss::What::kTable, tables[i]},
                     fmt::format("{}-{}{}", file.substr(0, dot), i + 1, file.substr(dot))));
    }
    return {};
  }

  Connection& connection_;
  DurableFolder& folder_;
  const ArchiveOrder& order_;
  const std::int64_t version_;
  const std::stop_token& stop_;
  ForeignKeys keys_;
  std::vector<Part> parts_;
  std::int64_t rows_ = 0;  // of the last file
  int number_ = 0;
};

}  // namespace

Status archive(Connection& connection, const ArchiveOrder& order, std::int64_t version,
               const std::stop_token& stop) {
  ASSIGN_OR_RETURN(DurableFolder folder, DurableFolder::begin(order.folder));
  Archive archive(connection, folder, order, version, stop);
  for (const ArchiveOrder::Item& item : order.items) {
    RETURN_IF_ERROR(archive.copy(item));
  }
  RETURN_IF_ERROR(archive.copy_dependents(order.items));
  RETURN_IF_ERROR(archive.write_script());
  return folder.finish();
}

}  // namespace ripcord::postgres
