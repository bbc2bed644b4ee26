// SPDX-License-Identifier: Apache-2.0
// What foreign keys take along: a graph whose nodes are "rows of this table go" and "these columns
// of it are written", with an edge for each foreign key that leads from one to the other.
#include "adapters/postgres/foreign_keys.h"
#include "adapters/postgres/risk_table.h"
#include "controller/model/at_risk.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ripcord::postgres {
namespace {

constexpr std::size_t kLongestWhere = 20000;

enum class Fate { kDeleted, kWritten, kTruncated };

struct Node;

struct Edge {
  const ForeignKey* key = nullptr;
  const Node* from = nullptr;
  std::string_view action;  // "ON DELETE CASCADE"
};

struct Node {
  std::string table;
  Fate fate = Fate::kDeleted;
  std::vector<std::string> columns{};  // that are written
  std::vector<Edge> edges{};           // that lead here
  bool own = false;                    // a statement is about it, not only a foreign key
  std::optional<std::string> where{};  // of the statement
  bool circular = false;
  mutable std::optional<std::optional<std::string>> rows{};  // once they were asked for
  enum class Visit { kNot, kGoing, kDone } visit = Visit::kNot;
};

using Where = std::optional<std::string>;  // none: not known

Where either(const Where& a, const Where& b) {
  const bool known = a && b && a->size() + b->size() < kLongestWhere;
  return known ? Where(fmt::format("({}) OR ({})", *a, *b)) : std::nullopt;
}

std::string list(const ForeignKey& key, std::string ForeignKey::Column::*side) {
  std::string names;
  for (const ForeignKey::Column& column : key.columns) {
    names += (names.empty() ? "" : ", ") + Connection::quote_identifier(column.*side);
  }
  return names;
}

Where rows_of(const Node& node);

Where rows_through(const Edge& edge) {
  const Where parents = rows_of(*edge.from);
  if (!parents || parents->size() > kLongestWhere) {
    return std::nullopt;
  }
  if (edge.from->fate == Fate::kTruncated) {
    return "true";
  }
  return fmt::format("({}) IN (SELECT {} FROM {} WHERE {})",
                     list(*edge.key, &ForeignKey::Column::child),
                     list(*edge.key, &ForeignKey::Column::parent), edge.key->parent, *parents);
}

Where find_rows(const Node& node) {
  if (node.fate == Fate::kTruncated) {
    return node.own ? node.where : rows_through(node.edges.front());
  }
  if (node.own && node.where == "true") {
    return node.where;
  }
  if (node.circular) {
    return std::nullopt;
  }
  Where rows = node.own ? node.where : rows_through(node.edges.front());
  for (std::size_t i = node.own ? 0 : 1; i < node.edges.size(); ++i) {
    rows = either(rows, rows_through(node.edges[i]));
  }
  return rows;
}

Where rows_of(const Node& node) {
  if (!node.rows) {
    node.rows = find_rows(node);
  }
  return *node.rows;
}

std::string_view action_of(char type, bool deleted) {
  switch (type) {
    case 'c':
      return deleted ? "ON DELETE CASCADE" : "ON UPDATE CASCADE";
    case 'n':
      return deleted ? "ON DELETE SET NULL" : "ON UPDATE SET NULL";
    case 'd':
      return deleted ? "ON DELETE SET DEFAULT" : "ON UPDATE SET DEFAULT";
    default:
      return "";
  }
}

class Graph {
 public:
  explicit Graph(const ForeignKeys& keys) : keys_(keys) {}

  void add(const std::string& table, const DataLoss& loss) {
    if (loss.what == DataLoss::What::kTable ||
        (!loss.keeps_rows && loss.where.value_or("true") == "true")) {
      whole_.insert(table);
    }
    if (loss.what != DataLoss::What::kRows) {
      return;
    }
    if (!loss.keeps_rows) {
      own(table, loss.cascades ? Fate::kTruncated : Fate::kDeleted, loss);
    }
    if (!loss.overwrites.empty()) {
      own(table, Fate::kWritten, loss);
    }
  }

  std::vector<Dependent> dependents() {
    for (std::size_t i = 0, roots = nodes_.size(); i < roots; ++i) {
      visit(nodes_[i]);
    }
    std::vector<Dependent> found;
    for (auto node = done_.rbegin(); node != done_.rend(); ++node) {
      if (whole_.contains((*node)->table)) {
        continue;
      }
      for (const Edge& edge : (*node)->edges) {
        take(found, dependent(**node, edge));
      }
    }
    return found;
  }

 private:
  static std::string name_of(const std::string& table, Fate fate, const std::string& through) {
    return fmt::format("{} {} {}", static_cast<int>(fate), through, table);
  }

  Node& node(const std::string& table, Fate fate, const std::string& through) {
    Node*& known = by_name_[name_of(table, fate, through)];
    if (known == nullptr) {
      known = &nodes_.emplace_back(Node{table, fate});
    }
    return *known;
  }

  void own(const std::string& table, Fate fate, const DataLoss& loss) {
    Node& made = node(table, fate, "");
    made.own = true;
    made.where = loss.where;
    made.columns = fate == Fate::kWritten ? loss.overwrites : std::vector<std::string>();
  }

  void visit(Node& from) {
    if (from.visit != Node::Visit::kNot) {
      return;
    }
    from.visit = Node::Visit::kGoing;
    for (const ForeignKey* key : keys_.referring_to(from.table)) {
      follow(from, *key);
    }
    from.visit = Node::Visit::kDone;
    done_.push_back(&from);
  }

  void follow(Node& from, const ForeignKey& key) {
    const bool deleted = from.fate == Fate::kDeleted;
    std::string_view action = "TRUNCATE ... CASCADE";
    if (from.fate != Fate::kTruncated) {
      action = action_of(deleted ? key.on_delete : key.on_update, deleted);
    }
    if (action.empty() || !concerns(from, key)) {
      return;
    }
    const bool goes = from.fate == Fate::kTruncated || (deleted && key.on_delete == 'c');
    Node& to = goes ? node(key.child, from.fate, "") : node(key.child, Fate::kWritten, key.id);
    if (!goes) {
      for (const ForeignKey::Column& column : key.columns) {
        const bool known =
            std::find(to.columns.begin(), to.columns.end(), column.child) != to.columns.end();
        if (!known && (!deleted || column.set_on_delete)) {
          to.columns.push_back(column.child);
        }
      }
    }
    to.edges.push_back({&key, &from, action});
    to.circular = to.circular || to.visit == Node::Visit::kGoing;
    visit(to);
  }

  static bool concerns(const Node& from, const ForeignKey& key) {
    return from.fate != Fate::kWritten ||
           std::any_of(key.columns.begin(), key.columns.end(), [&](const auto& column) {
             return std::find(from.columns.begin(), from.columns.end(), column.parent) !=
                    from.columns.end();
           });
  }

  Dependent dependent(const Node& node, const Edge& edge) const {
    Dependent made;
    made.loss = {DataLoss::What::kRows, node.table};
    made.circular = node.circular && node.fate != Fate::kTruncated;
    made.loss.where = made.circular ? std::nullopt : rows_through(edge);
    const std::string_view in_public = "public.";
    const std::string shown =
        node.table.starts_with(in_public) ? node.table.substr(in_public.size()) : node.table;
    std::string subject = "rows of " + shown;
    if (node.fate == Fate::kWritten) {
      made.loss.overwrites = node.columns;
      made.loss.keeps_rows = true;
      made.at_most = edge.from->fate == Fate::kWritten ||
                     by_name_.contains(name_of(node.table, Fate::kDeleted, ""));
      subject = fmt::format("values of {}.{}", shown, fmt::join(node.columns, ", "));
    }
    made.what = fmt::format("{}{}{} ({})", subject, kByForeignKey, edge.key->name, edge.action);
    return made;
  }

  // One entry for what several ways lead to.
  static void take(std::vector<Dependent>& found, Dependent made) {
    const auto same = std::find_if(found.begin(), found.end(), [&](const Dependent& each) {
      return each.what == made.what && each.loss.relation == made.loss.relation;
    });
    if (same == found.end()) {
      found.push_back(std::move(made));
    } else {
      same->loss.where = either(same->loss.where, made.loss.where);
      same->circular = same->circular || made.circular;
    }
  }

  const ForeignKeys& keys_;
  std::deque<Node> nodes_;
  std::map<std::string, Node*> by_name_;
  std::set<std::string> whole_;  // lost with all their rows, which is told of itself
  std::vector<const Node*> done_;
};

}  // namespace

Result<std::vector<Dependent>> find_dependents(Connection& connection, const ForeignKeys& keys,
                                               const std::vector<DataLoss>& losses) {
  Graph graph(keys);
  for (const DataLoss& loss : losses) {
    if (loss.what == DataLoss::What::kRows || loss.what == DataLoss::What::kTable) {
      ASSIGN_OR_RETURN(const auto table, find_risk_table(connection, loss.relation));
      if (table) {
        graph.add(table->name, loss);
      }
    }
  }
  return graph.dependents();
}

}  // namespace ripcord::postgres
