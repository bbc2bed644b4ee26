// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a statement of PostgreSQL does, by its parse tree, written into a Ledger. Each function
// takes the node of its statement. What is not listed in judge.cc is unknown.

#include "adapters/pgquery/ledger.h"
#include "adapters/pgquery/tree.h"

#include <string>

namespace ripcord::pgquery {

// `statement` is the child of a "stmt" wrapper: its key says which one it is.
void judge_statement(Ledger& ledger, Node statement);

// create.cc
void judge_create_table(Ledger& ledger, Node node);
void judge_create_table_as(Ledger& ledger, Node node);
void judge_create_index(Ledger& ledger, Node node);
void judge_create_view(Ledger& ledger, Node node);
void judge_create_trigger(Ledger& ledger, Node node);
void judge_create_policy(Ledger& ledger, Node node);
void judge_create_domain(Ledger& ledger, Node node);
void judge_create_named(Ledger& ledger, Node node);  // schemas, sequences, types ...

// alter_table.cc, columns.cc, constraints.cc
void judge_alter_table(Ledger& ledger, Node node);
struct TableAction {
  std::string relation;
  Node node;           // AlterTableCmd
  std::size_t offset;  // in the script
  bool fresh;          // the script made the table
  std::string column() const { return node["name"].text(); }
};
void judge_add_column(Ledger& ledger, const TableAction& action);
void judge_drop_column(Ledger& ledger, const TableAction& action);
void judge_column_type(Ledger& ledger, const TableAction& action);
void judge_set_not_null(Ledger& ledger, const TableAction& action);
void judge_drop_not_null(Ledger& ledger, const TableAction& action);
void judge_column_default(Ledger& ledger, const TableAction& action);
void judge_drop_generated(Ledger& ledger, const TableAction& action);
void judge_add_constraint(Ledger& ledger, const TableAction& action);
// `constraint` of a table that exists: in ADD CONSTRAINT or behind a new column.
void judge_constraint(Ledger& ledger, const std::string& relation, Node constraint,
                      std::size_t offset);
void judge_validate_constraint(Ledger& ledger, const TableAction& action);
void judge_drop_constraint(Ledger& ledger, const TableAction& action);

// drop.cc
void judge_drop(Ledger& ledger, Node node);
void judge_drop_database(Ledger& ledger, Node node);
void judge_drop_owned(Ledger& ledger, Node node);
void judge_drop_other(Ledger& ledger, Node node);
void judge_truncate(Ledger& ledger, Node node);

// rows.cc: SELECT, INSERT, UPDATE, DELETE, MERGE, with what their CTEs change and functions do
void judge_query(Ledger& ledger, Node node);
bool has_from(Node select);

// change.cc
void judge_rename(Ledger& ledger, Node node);
void judge_enum(Ledger& ledger, Node node);
void judge_set_schema(Ledger& ledger, Node node);
void judge_grant(Ledger& ledger, Node node);
void judge_grant_role(Ledger& ledger, Node node);
void judge_alter_sequence(Ledger& ledger, Node node);
void judge_alter_domain(Ledger& ledger, Node node);
void judge_set(Ledger& ledger, Node node);
void judge_transaction(Ledger& ledger, Node node);

// upkeep.cc
void judge_reindex(Ledger& ledger, Node node);
void judge_vacuum(Ledger& ledger, Node node);
void judge_cluster(Ledger& ledger, Node node);
void judge_refresh(Ledger& ledger, Node node);
void judge_lock(Ledger& ledger, Node node);
bool has_option(Node options, std::string_view name);

// code.cc: what stands inside strings
void judge_do(Ledger& ledger, Node node);
void judge_create_function(Ledger& ledger, Node node);
void judge_call(Ledger& ledger, Node node);  // CALL
// A function or procedure that the current statement runs.
void judge_function_call(Ledger& ledger, const std::string& name, std::size_t offset,
                         bool procedure);

}  // namespace ripcord::pgquery
