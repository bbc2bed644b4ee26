// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/shadow_seed.h"

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
       (select string_agg(quote_literal(enumlabel), ',' order by enumsortorder) from pg_enum where enumtypid = t.oid),
       (select string_agg(pg_get_constraintdef(k.oid), ' ') from pg_constraint k
        where contype = 'c' and conrelid = attrelid and attnum = any(conkey)),
       fk.parent, fk.referred, attrelid
from pg_attribute a join pg_class c on c.oid = attrelid join pg_namespace n on n.oid = relnamespace
join base on base.oid = atttypid join pg_type t on t.oid = base.root
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

struct Column {
  std::string name;
  bool required = false;
  char category = 'X';
  std::string base_type;
  int modifier = -1;                  // as pg_attribute has it
  std::string type;                   // to cast to
  std::vector<std::string> words;     // literals of the enum, else of the check constraints
  std::vector<std::int64_t> numbers;  // of the check constraints
  std::string parent;                 // table and column of a foreign key
  std::string referred;
};

struct Table {
  std::string name;
  std::vector<Column> columns;  // that want a value
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

Column column_of(const std::vector<Value>& row) {
  Column column;
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
  return column;
}

// Parents before children where there is an order.
std::vector<Table> parents_first(std::vector<Table> tables) {
  std::vector<Table> ordered;
  std::set<std::string> there;
  while (!tables.empty()) {
    auto next = std::find_if(tables.begin(), tables.end(), [&](const Table& table) {
      return std::all_of(table.columns.begin(), table.columns.end(), [&](const Column& column) {
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

std::string text_of(const Column& column, int n) {
  const std::string text = fmt::format("s{}", n);
  const bool short_one =
      column.modifier >= 0 && column.modifier - 4 < static_cast<int>(text.size());
  return short_one ? std::string(1, static_cast<char>('a' + n % 26)) : text;
}

// The text form of the n-th value of a type; empty when we know none.
std::optional<std::string> value_of(const Column& column, int n) {
  switch (column.category) {
    case 'N':
      return fmt::format("{}", n);
    case 'B':
      return n % 2 == 0 ? "true" : "false";
    case 'S':
      return text_of(column, n);
    case 'D':
      return column.base_type.starts_with("time") && !column.base_type.starts_with("timestamp")
                 ? fmt::format("00:00:{:02}", n % 60)
                 : fmt::format("2001-{:02}-{:02}", 1 + n / 28 % 12, 1 + n % 28);
    case 'T':
      return fmt::format("{} seconds", n);
    case 'I':
      return fmt::format("10.0.{}.{}{}", n / 256 % 256, n % 256,
                         column.base_type == "cidr" ? "/32" : "");
    case 'V':
      return std::string(static_cast<std::size_t>(std::max(1, column.modifier)),
                         n % 2 == 0 ? '0' : '1');
    case 'A':
      return "{}";
    case 'G':
      return column.base_type == "point" ? std::optional(fmt::format("({},{})", n, n))
                                         : std::nullopt;
    case 'R':
      return "empty";
    default:
      break;
  }
  if (column.base_type == "uuid") {
    return fmt::format("00000000-0000-4000-8000-{:012}", n);
  }
  if (column.base_type == "json" || column.base_type == "jsonb") {
    return fmt::format(R"({{"n": {}}})", n);
  }
  if (column.base_type == "bytea") {
    return fmt::format("\\x{:02x}", n % 256);
  }
  return column.base_type == "macaddr"
             ? std::optional(fmt::format("08:00:2b:01:02:{:02x}", n % 256))
             : std::nullopt;
}

// Ways to meet what a table asks for, tried one after another: plain values; numbers just above,
// then just below, those of the check constraints; NULL wherever it may stand.
enum class Way { kPlain, kAbove, kBelow, kFew };
constexpr Way kWays[] = {Way::kPlain, Way::kAbove, Way::kBelow, Way::kFew};

std::string expression(const Column& column, int n, int row, Way way) {
  if (!column.parent.empty()) {
    return fmt::format(
        "(select {0} from {1} order by ctid offset {2} % greatest((select count(*) from {1}), 1) "
        "limit 1)",
        column.referred, column.parent, row);
  }
  if (way == Way::kFew && !column.required) {
    return "null";
  }
  if (!column.words.empty() && (column.category == 'E' || column.category == 'S')) {
    return column.words[static_cast<std::size_t>(n) % column.words.size()] + "::" + column.type;
  }
  if (column.category == 'N' && !column.numbers.empty() && way != Way::kPlain) {
    const auto [low, high] = std::minmax_element(column.numbers.begin(), column.numbers.end());
    return fmt::format("'{}'::{}", way == Way::kBelow ? *high - n : *low + n, column.type);
  }
  const auto value = value_of(column, n);
  return value ? Connection::quote_literal(*value) + "::" + column.type : "null";
}

std::string insert_sql(const Table& table, int round, Way way) {
  std::string names;
  std::string rows;
  for (int row = 0; row < kRows; ++row) {
    std::string values;
    for (const Column& column : table.columns) {
      names += row == 0 ? (names.empty() ? "" : ", ") + column.name : "";
      values +=
          (values.empty() ? "" : ", ") + expression(column, round * kRows + row + 1, row, way);
    }
    rows += (rows.empty() ? "(" : "), (") + values;
  }
  return table.columns.empty()
             ? fmt::format("insert into {} default values", table.name)
             : fmt::format("insert into {} ({}) values {})", table.name, names, rows);
}

}  // namespace

Result<std::map<std::string, std::string>> seed_tables(Connection& connection, int round) {
  // regclass prints a name without its schema when that is on the path.
  RETURN_IF_ERROR(status_of_rows(connection.execute("set search_path to pg_catalog")));
  ASSIGN_OR_RETURN(const std::vector<Table> tables, read_tables(connection));
  RETURN_IF_ERROR(status_of_rows(connection.execute("reset search_path")));
  std::map<std::string, std::string> refused;
  for (const Table& table : tables) {
    std::string why;
    for (const Way way : kWays) {
      if (connection.execute(insert_sql(table, round, way))) {
        why.clear();
        break;
      }
      if (!connection.alive()) {
        return error(StatusCode::kUnavailable, "the connection to the shadow database was lost",
                     "ConnectionLost");
      }
      why = why.empty() ? connection.last_error().message : why;
    }
    if (!why.empty()) {
      refused.emplace(table.name, std::move(why));
    }
  }
  return refused;
}

Result<ShadowContent> read_content(Connection& connection) {
  ASSIGN_OR_RETURN(
      const Rows tables,
      connection.query(
          "select format('%I.%I', nspname, relname), string_agg(format('%I::text', attname), ', ' "
          "order by attnum) from pg_attribute join pg_class c on c.oid = attrelid join "
          "pg_namespace "
          "n on n.oid = relnamespace where relkind = 'r' and attnum > 0 and not attisdropped and "
          "nspname !~ '^pg_' and nspname not in ('information_schema', 'ripcord') group by 1"));
  ShadowContent content;
  for (const auto& table : tables.rows) {
    ASSIGN_OR_RETURN(Rows found,
                     connection.query(fmt::format("select {} from {}", table[1].value_or(""),
                                                  table[0].value_or(""))));
    content.emplace(table[0].value_or(""),
                    TableContent{std::move(found.columns), std::move(found.rows)});
  }
  return content;
}

}  // namespace ripcord::postgres
