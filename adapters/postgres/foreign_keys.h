// SPDX-License-Identifier: Apache-2.0
#pragma once
// The foreign keys of a PostgreSQL database, and what else goes or changes through them when rows
// do. Tables are named as RiskTable names them: quoted, with their schema.

#include "adapters/postgres/connection.h"
#include "controller/model/sql_effects.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace ripcord::postgres {

struct ForeignKey {
  struct Column {
    std::string child;  // as it is
    std::string parent;
    bool set_on_delete = true;  // by SET NULL and SET DEFAULT
  };
  std::string id;
  std::string derived_from;  // the id of the one that it is a partition's part of
  std::string name;
  std::string child;     // the table that refers
  std::string parent;    // the table that is referred to
  char on_delete = 'a';  // as in pg_constraint
  char on_update = 'a';
  std::vector<Column> columns;
};

class ForeignKeys {
 public:
  static Result<ForeignKeys> read(Connection& connection);

  // Those that refer to the rows that one reads in `table`, its partitions' and heirs' too.
  std::vector<const ForeignKey*> referring_to(const std::string& table) const;
  // Does a row of `child` refer to one of `parent`?
  bool refers(const std::string& child, const std::string& parent) const;

 private:
  std::set<std::string> with_heirs(const std::string& table) const;

  std::multimap<std::string, ForeignKey> by_parent_;
  std::multimap<std::string, std::string> heirs_;
};

// Rows that are deleted or written over by a foreign key, because rows that they refer to are.
struct Dependent {
  DataLoss loss;
  std::string what;       // as DataAtRisk::what
  bool at_most = false;   // some of these rows may stay as they are, or go anyway
  bool circular = false;  // the foreign keys go in a circle: which rows it ends with is not known
};

// Of `losses`, which one script has; those that it loses as a whole anyway are left out. Who is
// referred to comes first.
Result<std::vector<Dependent>> find_dependents(Connection& connection, const ForeignKeys& keys,
                                               const std::vector<DataLoss>& losses);

}  // namespace ripcord::postgres
