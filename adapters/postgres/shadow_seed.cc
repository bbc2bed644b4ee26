// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/shadow_seed.h"

#include "adapters/postgres/shadow_values.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>
#include <vector>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

constexpr int kRows = 3;

// Ordinary tables and leaf partitions; base_type sees through domains, element is that of an array.
constexpr const char* kColumns = R"(
with recursive base as (
  select oid, oid as root, typtypmod as mod from pg_type where typtype <> 'd'
  union all
  select d.oid, b.root, case when b.mod >= 0 then b.mod else d.typtypmod end
  from pg_type d join base b on d.typbasetype = b.oid where d.typtype = 'd')
select format('%I.%I', nspname, relname), quote_ident(attname), attnotnull,
       attidentity <> '' or attgenerated <> '' or coalesce(pg_get_expr(adbin, adrelid), '') like 'nextval(%',
       t.typcategory, t.typname, greatest(atttypmod, base.mod), format_type(atttypid, atttypmod),
       (select string_agg(quote_literal(enumlabel), ',' order by enumsortorder) from pg_enum where enumtypid in (t.oid, e.oid)),
       (select string_agg(pg_get_constraintdef(k.oid), ' ') from pg_constraint k
        where contype = 'c' and conrelid = attrelid and attnum = any(conkey)),
       fk.parent, fk.referred, e.typcategory, e.typname
from pg_attribute a join pg_class c on c.oid = attrelid join pg_namespace n on n.oid = relnamespace
join base on base.oid = atttypid join pg_type t on t.oid = base.root
left join pg_type e on e.oid = case t.typcategory when 'A' then t.typelem
                               when 'R' then (select rngsubtype from pg_range where rngtypid = t.oid) end
left join pg_attrdef on adrelid = attrelid and adnum = attnum
left join lateral (
  select confrelid::regclass::text as parent, quote_ident(p.attname) as referred
  from pg_constraint k join unnest(conkey, confkey) as pair(here, there) on here = a.attnum
  join pg_attribute p on p.attrelid = confrelid and p.attnum = there
  where contype = 'f' and conrelid = a.attrelid order by k.oid limit 1) fk on true
where relkind = 'r' and attnum > 0 and not attisdropped and nspname !~ '^pg_'
  and nspname not in ('information_schema', 'ripcord')
  and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = attrelid and deptype = 'e')
order by attrelid, attnum)";

struct Table {
  std::string name;
  std::vector<SeedColumn> columns;  // that want a value
};

// 'open', 'it''s' -> as they stand.
std::vector<std::string> literals(const std::string& text) {
  std::vector<std::string> found;
  for (std::size_t at = text.find('\''); at != std::string::npos; at = text.find('\'', at)) {
    std::size_t end = at + 1;
    while (end < text.size() &&
           (text[end] != '\'' || (end + 1 < text.size() && text[end + 1] == '\''))) {
      end += text[end] == '\'' ? 2 : 1;
    }
    if (end < text.size()) {
      found.push_back(text.substr(at, end - at + 1));
    }
    at = end + 1;
  }
  return found;
}

std::vector<std::int64_t> numbers(const std::string& text) {
  std::vector<std::int64_t> found;
  for (std::size_t at = 0; at < text.size();) {
    const bool starts =
        text[at] >= '0' && text[at] <= '9' &&
        (at == 0 || text[at - 1] == ' ' || text[at - 1] == '(' || text[at - 1] == '-');
    if (!starts) {
      ++at;
      continue;
    }
    char* end = nullptr;
    const std::int64_t value = std::strtoll(text.c_str() + at, &end, 10);
    found.push_back(at > 0 && text[at - 1] == '-' ? -value : value);
    at = static_cast<std::size_t>(end - text.c_str());
  }
  return found;
}

SeedColumn column_of(const std::vector<Value>& row) {
  SeedColumn column;
  column.name = row[1].value_or("");
  column.required = row[2] == "t";
  column.category = row[4].value_or("X").front();
  column.base_type = row[5].value_or("");
  column.modifier = std::atoi(row[6].value_or("-1").c_str());
  column.type = row[7].value_or("");
  column.words = literals(row[8] ? *row[8] : row[9].value_or(""));
  column.numbers = numbers(row[9].value_or(""));
  column.parent = row[10].value_or("");
  column.referred = row[11].value_or("");
  column.element_category = row[12].value_or("X").front();
  column.element = row[13].value_or("");
  return column;
}

// Parents before children where there is an order.
std::vector<Table> parents_first(std::vector<Table> tables) {
  std::vector<Table> ordered;
  std::set<std::string> there;
  while (!tables.empty()) {
    auto next = std::find_if(tables.begin(), tables.end(), [&](const Table& table) {
      return std::all_of(table.columns.begin(), table.columns.end(), [&](const SeedColumn& column) {
        return column.parent.empty() || column.parent == table.name ||
               there.contains(column.parent);
      });
    });
    next = next == tables.end() ? tables.begin() : next;  // a circle
    there.insert(next->name);
    ordered.push_back(std::move(*next));
    tables.erase(next);
  }
  return ordered;
}

Result<std::vector<Table>> read_tables(Connection& connection) {
  ASSIGN_OR_RETURN(const Rows found, connection.query(kColumns));
  std::vector<Table> tables;
  for (const auto& row : found.rows) {
    if (tables.empty() || tables.back().name != row[0]) {
      tables.push_back({row[0].value_or(""), {}});
    }
    if (row[3] != "t") {
      tables.back().columns.push_back(column_of(row));
    }
  }
  return parents_first(std::move(tables));
}

// Ways to meet what a table asks for, tried one after another: plain values; numbers just above,
// then just below, those of the check constraints; NULL wherever it may stand.
enum class Way { kPlain, kAbove, kBelow, kFew };
constexpr Way kWays[] = {Way::kPlain, Way::kAbove, Way::kBelow, Way::kFew};

// One row of a table.
struct SeedRow {
  int n = 0;  // no other row has it
  int parent = 0;
  Way way = Way::kPlain;
  bool wide = false;
  bool nulls = false;  // wherever one may stand, but for `filled`
  const SeedColumn* filled = nullptr;
};

std::string expression(const SeedColumn& column, const SeedRow& row) {
  const bool null = !column.required && &column != row.filled;
  if (row.nulls && null) {
    return "null";
  }
  if (!column.parent.empty()) {
    return fmt::format(
        "(select {0} from {1} order by ctid offset {2} % greatest((select count(*) from {1}), 1) "
        "limit 1)",
        column.referred, column.parent, row.parent);
  }
  if (row.way == Way::kFew && null) {
    return "null";
  }
  if (column.category == 'N' && !column.numbers.empty() && row.way != Way::kPlain) {
    const auto [low, high] = std::minmax_element(column.numbers.begin(), column.numbers.end());
    return fmt::format("'{}'::{}", row.way == Way::kBelow ? *high - row.n : *low + row.n,
                       column.type);
  }
  const auto value = seed_value(column, row.n, row.wide);
  return value ? *value + "::" + column.type : "null";
}

std::string insert_sql(const Table& table, const std::vector<SeedRow>& rows) {
  std::string names;
  for (const SeedColumn& column : table.columns) {
    names += (names.empty() ? "" : ", ") + column.name;
  }
  std::string values;
  for (const SeedRow& row : rows) {
    values += values.empty() ? "(" : "), (";
    for (const SeedColumn& column : table.columns) {
      values += (&column == &table.columns.front() ? "" : ", ") + expression(column, row);
    }
  }
  return table.columns.empty()
             ? fmt::format("insert into {} default values", table.name)
             : fmt::format("insert into {} ({}) values {})", table.name, names, values);
}

// In the way that the table let pass; the reason where it let none.
Result<std::string> insert_rows(Connection& connection, const Table& table, int round, Way& way) {
  std::string why;
  for (const Way each : kWays) {
    std::vector<SeedRow> rows;
    for (int row = 0; row < kRows; ++row) {
      rows.push_back({.n = round * kRows + row + 1, .parent = row, .way = each});
    }
    way = each;
    if (connection.execute(insert_sql(table, rows))) {
      return std::string();
    }
    if (!connection.alive()) {
      return error(StatusCode::kUnavailable, "the connection to the shadow database was lost",
                   "ConnectionLost");
    }
    why = why.empty() ? connection.last_error().message : why;
  }
  return why;
}

// Rows that a table need not take. Where only NULL was let pass, each column by itself.
void insert_more(Connection& connection, const Table& table, int round, Way way, SeedRows wanted) {
  constexpr int kFirst = 100;
  std::vector<SeedRow> rows;
  if (wanted == SeedRows::kAll) {
    rows.push_back({.n = kFirst + round, .way = way, .wide = true});
  }
  if (wanted != SeedRows::kPlain) {
    rows.push_back({.n = 2 * kFirst + round, .way = way, .nulls = true});
  }
  for (const SeedColumn& column : table.columns) {
    if (way == Way::kFew && !column.required && column.parent.empty()) {
      rows.push_back({.n = (3 + round) * kFirst + static_cast<int>(rows.size()),
                      .way = way,
                      .filled = &column});
    }
  }
  for (const SeedRow& row : rows) {
    if (connection.alive() && !table.columns.empty()) {
      static_cast<void>(connection.execute(insert_sql(table, {row})));
    }
  }
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

Result<std::vector<Table>> tables_of(Connection& connection) {
  // regclass prints a name without its schema when that is on the path.
  RETURN_IF_ERROR(status_of_rows(connection.execute("set search_path to pg_catalog")));
  ASSIGN_OR_RETURN(std::vector<Table> tables, read_tables(connection));
  RETURN_IF_ERROR(status_of_rows(connection.execute("reset search_path")));
  return tables;
}

}  // namespace

Result<std::map<std::string, std::string>> seed_tables(Connection& connection, int round,
                                                       SeedRows wanted) {
  ASSIGN_OR_RETURN(const std::vector<Table> tables, tables_of(connection));
  std::map<std::string, std::string> refused;
  for (const Table& table : tables) {
    Way way = Way::kPlain;
    ASSIGN_OR_RETURN(std::string why, insert_rows(connection, table, round, way));
    if (!why.empty()) {
      refused.emplace(table.name, std::move(why));
      continue;
    }
    insert_more(connection, table, round, way, wanted);
  }
  return refused;
}

Status empty_tables(Connection& connection) {
  ASSIGN_OR_RETURN(const std::vector<Table> tables, tables_of(connection));
  std::string names;
  for (const Table& table : tables) {
    names += (names.empty() ? "" : ", ") + table.name;
  }
  return names.empty() ? ok_status()
                       : status_of_rows(connection.execute("truncate " + names + " cascade"));
}

Result<ShadowContent> read_content(Connection& connection) {
  ASSIGN_OR_RETURN(
      const Rows tables,
      connection.query(
          "select format('%I.%I', nspname, relname), string_agg(format('%I::text', attname), ', ' "
          "order by attnum), string_agg(format_type(atttypid, atttypmod), E'\\n' order by attnum) "
          "from pg_attribute join pg_class c on c.oid = attrelid join "
          "pg_namespace "
          "n on n.oid = relnamespace where relkind = 'r' and attnum > 0 and not attisdropped and "
          "attgenerated = '' and "
          "nspname !~ '^pg_' and nspname not in ('information_schema', 'ripcord') group by 1"));
  ShadowContent content;
  for (const auto& table : tables.rows) {
    ASSIGN_OR_RETURN(Rows found,
                     connection.query(fmt::format("select {} from {}", table[1].value_or(""),
                                                  table[0].value_or(""))));
    content.emplace(table[0].value_or(""),
                    TableContent{std::move(found.columns), std::move(found.rows),
                                 lines_of(table[2].value_or(""))});
  }
  return content;
}

}  // namespace ripcord::postgres
