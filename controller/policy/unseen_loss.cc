// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/unseen_loss.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>

#include <fmt/format.h>

namespace ripcord {
namespace {

using Row = std::vector<std::optional<std::string>>;

std::string folded(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c != '"') {
      text += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  return text;
}

// The inspector leaves out "public.", and the schema where the statement does.
bool is_called(const std::string& qualified, const std::string& relation) {
  const std::string full = folded(qualified);
  const std::string part = folded(relation);
  return full == part || full.ends_with("." + part);
}

bool is_part_of(const SchemaCatalog& catalog, const std::string& table,
                const std::string& relation) {
  constexpr std::string_view kInherits = "inherits ";
  const auto object = catalog.objects.find("table " + table);
  const auto at =
      object == catalog.objects.end() ? std::string::npos : object->second.find(kInherits);
  return at != std::string::npos &&
         is_called(object->second.substr(at + kInherits.size()), relation);
}

// Under that name, in schema public where there is one; of a partitioned one, its partitions.
std::vector<std::string> tables_of(const TrialStage& stage, const std::string& relation) {
  const std::string plain = "public." + relation;
  if (relation.find('.') == std::string::npos && stage.content.contains(plain)) {
    return {plain};
  }
  std::vector<std::string> found;
  for (const auto& [table, content] : stage.content) {
    if (is_called(table, relation) || is_part_of(stage.catalog, table, relation)) {
      found.push_back(table);
    }
  }
  return found;
}

bool has_object(const SchemaCatalog& catalog, const std::string& relation,
                std::initializer_list<std::string_view> kinds) {
  return std::any_of(catalog.objects.begin(), catalog.objects.end(), [&](const auto& object) {
    return std::any_of(kinds.begin(), kinds.end(), [&](std::string_view kind) {
      return object.first.starts_with(kind) &&
             is_called(object.first.substr(kind.size()), relation);
    });
  });
}

std::optional<std::size_t> position(const TableContent& table, const std::string& column) {
  const auto at =
      std::find_if(table.columns.begin(), table.columns.end(),
                   [&](const std::string& each) { return folded(each) == folded(column); });
  return at == table.columns.end()
             ? std::nullopt
             : std::optional(static_cast<std::size_t>(at - table.columns.begin()));
}

bool without_difference(const TableContent& table, std::size_t column) {
  return !table.rows.empty() &&
         std::all_of(table.rows.begin(), table.rows.end(),
                     [&](const Row& row) { return row[column] == table.rows.front()[column]; });
}

void add_without_difference(const std::string& name, const TableContent& table,
                            std::vector<std::string>& found) {
  for (std::size_t at = 0; at < table.columns.size(); ++at) {
    if (without_difference(table, at)) {
      found.push_back(fmt::format("{}.{}", name, table.columns[at]));
    }
  }
}

// A row that was there is there no more as it was; of `left_out` nothing is asked.
bool changed(const TableContent& was, const TableContent& is,
             const std::set<std::string>& left_out) {
  std::vector<std::size_t> there;
  std::vector<std::size_t> here;
  for (std::size_t at = 0; at < was.columns.size(); ++at) {
    const auto now = position(is, was.columns[at]);
    if (left_out.contains(folded(was.columns[at]))) {
      continue;
    }
    if (!now) {
      return true;
    }
    there.push_back(at);
    here.push_back(*now);
  }
  const std::multiset<Row> left = rows_of(is, here);
  const std::multiset<Row> rows = rows_of(was, there);
  return !std::includes(left.begin(), left.end(), rows.begin(), rows.end());
}

class Reader {
 public:
  Reader(const SchemaCatalog& before, const TrialStage& was, const ShadowContent& is,
         std::string_view by)
      : before_(before), was_(was), is_(is), by_(by) {}

  void read(const DataLoss& loss) {
    const auto tables = tables_of(was_, loss.relation);
    switch (loss.what) {
      case DataLoss::What::kColumn:
        for (const std::string& table : tables) {
          read_column(table, loss.column);
        }
        break;
      case DataLoss::What::kTable:
      case DataLoss::What::kRows:
        loss.keeps_rows ? read_overwritten(loss, tables) : read_rows(loss, tables);
        break;
      case DataLoss::What::kSequence:
        read_sequence(loss);
        break;
      case DataLoss::What::kSchema:
      case DataLoss::What::kDatabase:
      case DataLoss::What::kOther:
        break;  // the catalogs show what is in them
    }
  }

  UnseenLosses seen() && { return std::move(seen_); }

 private:
  void lost(const std::string& what, const std::string& why = "") {
    std::string text = fmt::format("{}, by the {}{}", what, by_, why);
    if (std::find(seen_.lost.begin(), seen_.lost.end(), text) == seen_.lost.end()) {
      seen_.lost.push_back(std::move(text));
    }
  }

  void read_column(const std::string& name, const std::string& column) {
    const TableContent& table = was_.content.at(name);
    const auto at = position(table, column);
    if (!at) {
      return;  // made by this very script
    }
    const std::string what = fmt::format("content of {}.{}", name, table.columns[*at]);
    const auto now = is_.find(name);
    const auto there = now == is_.end() ? std::nullopt : position(now->second, column);
    if (without_difference(table, *at)) {
      lost(what);
    } else if (there && *at < table.types.size() && *there < now->second.types.size()) {
      const std::string& from = table.types[*at];
      const std::string& to = now->second.types[*there];
      if (!keeps_every_value(from, to)) {
        lost(what, fmt::format(" ({} becomes {})", from, to));
      }
    }
  }

  // Rows that a script takes away, of which some were there: what became of them was seen, but for
  // columns that tell no row from another.
  void read_rows(const DataLoss& loss, const std::vector<std::string>& tables) {
    const bool every =
        loss.what == DataLoss::What::kTable || loss.where == "true" || loss.where == "1";
    bool met = false;
    for (const std::string& name : tables) {
      const TableContent& table = was_.content.at(name);
      const auto now = is_.find(name);
      if (every || now == is_.end() || changed(table, now->second, {})) {
        met = true;
        add_without_difference(name, table, seen_.blind);
      }
    }
    if (!met && is_there(loss, tables)) {
      lost("rows of " + (tables.empty() ? loss.relation : tables.front()));
    }
  }

  void read_overwritten(const DataLoss& loss, const std::vector<std::string>& tables) {
    for (const std::string& column : loss.overwrites) {
      std::set<std::string> others;
      for (const std::string& each : loss.overwrites) {
        others.insert(folded(each));
      }
      others.erase(folded(column));
      const bool met = std::any_of(tables.begin(), tables.end(), [&](const std::string& name) {
        const auto now = is_.find(name);
        return now == is_.end() || changed(was_.content.at(name), now->second, others);
      });
      const bool made_here = !tables.empty() && !position(was_.content.at(tables.front()), column);
      if (!met && !made_here && is_there(loss, tables)) {
        lost(fmt::format("content of {}.{}", tables.empty() ? loss.relation : tables.front(),
                         column));
      }
    }
  }

  // Whether there are rows at stake. What has none of its own may show those of others.
  bool is_there(const DataLoss& loss, const std::vector<std::string>& tables) const {
    return tables.empty()
               ? has_object(before_, loss.relation, {"table ", "foreign table ", "view "})
               : std::any_of(tables.begin(), tables.end(), [&](const std::string& name) {
                   return !was_.content.at(name).rows.empty();
                 });
  }

  void read_sequence(const DataLoss& loss) {
    const bool of_column = loss.relation.starts_with("of ");
    if (of_column ? by_ == "up" : has_object(before_, loss.relation, {"sequence "})) {
      lost(to_string(loss));
    }
  }

  const SchemaCatalog& before_;
  const TrialStage& was_;
  const ShadowContent& is_;
  const std::string_view by_;
  UnseenLosses seen_;
};

// "numeric(8,2)" -> numeric, 8, 2.
struct TypeName {
  std::string name;
  std::optional<int> first;
  int second = 0;
};

TypeName type_name(std::string_view text) {
  TypeName type{std::string(text), std::nullopt, 0};
  const auto open = text.find('(');
  const auto close = text.find(')');
  if (open == std::string_view::npos || close == std::string_view::npos) {
    return type;
  }
  const std::string inside(text.substr(open + 1, close - open - 1));
  type.name = std::string(text.substr(0, open)) + std::string(text.substr(close + 1));
  type.first = std::atoi(inside.c_str());
  const auto comma = inside.find(',');
  type.second = comma == std::string::npos ? 0 : std::atoi(inside.c_str() + comma + 1);
  return type;
}

// Decimal digits of a whole number; 0: it is none.
int whole_digits(const std::string& type) {
  return type == "smallint" ? 5 : type == "integer" ? 10 : type == "bigint" ? 19 : 0;
}

}  // namespace

UnseenLosses unseen_losses(const std::vector<DataLoss>& losses, const SchemaCatalog& before,
                           const TrialStage& was, const ShadowContent& is, std::string_view by) {
  Reader reader(before, was, is, by);
  for (const DataLoss& loss : losses) {
    reader.read(loss);
  }
  return std::move(reader).seen();
}

std::multiset<ShadowRow> rows_of(const TableContent& table,
                                 const std::vector<std::size_t>& columns) {
  std::multiset<ShadowRow> rows;
  for (const ShadowRow& row : table.rows) {
    ShadowRow part;
    for (const std::size_t column : columns) {
      part.push_back(row[column]);
    }
    rows.insert(std::move(part));
  }
  return rows;
}

std::vector<std::string> columns_without_difference(const ShadowContent& content) {
  std::vector<std::string> found;
  for (const auto& [name, table] : content) {
    add_without_difference(name, table, found);
  }
  return found;
}

bool keeps_every_value(std::string_view from, std::string_view to) {
  if (from == to || to == "text" || to == "character varying") {
    return true;
  }
  if (from.ends_with("[]") && to.ends_with("[]")) {
    return keeps_every_value(from.substr(0, from.size() - 2), to.substr(0, to.size() - 2));
  }
  const TypeName was = type_name(from);
  const TypeName is = type_name(to);
  const int digits = whole_digits(was.name);
  if (is.name == "numeric") {
    const int whole = digits > 0 ? digits : was.first.value_or(0) - was.second;
    const bool bounded = digits > 0 || (was.name == "numeric" && was.first);
    return (was.name == "numeric" || digits > 0) &&
           (!is.first ||
            (bounded && *is.first - is.second >= whole && (digits > 0 || is.second >= was.second)));
  }
  if (digits > 0) {
    return whole_digits(is.name) >= digits || (is.name == "double precision" && digits <= 10) ||
           (is.name == "real" && digits == 5);
  }
  if (was.name == "real") {
    return is.name == "double precision";
  }
  if (was.name.starts_with("timestamp ") || was.name == "date") {
    return is.name.starts_with("timestamp ") && is.first.value_or(6) >= was.first.value_or(6);
  }
  return was.name == is.name && was.name == "character varying" && was.first && is.first &&
         *is.first >= *was.first;
}

}  // namespace ripcord
