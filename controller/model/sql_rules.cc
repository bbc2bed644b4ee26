// SPDX-License-Identifier: Apache-2.0
#include "controller/model/sql_rules.h"

#include <algorithm>
#include <array>

namespace ripcord {
namespace {

constexpr auto kN = SqlSeverity::kNote;
constexpr auto kW = SqlSeverity::kWarning;
constexpr auto kE = SqlSeverity::kError;

constexpr auto kRules = std::to_array<SqlRule>({
    {1, "drop-table", kE, "its rows are gone for good",
     "stop using it, rename it to a tombstone in one release, archive and drop it in a later one"},
    {2, "drop-column", kE,
     "its values are gone for good, indexes and constraints on it go unasked, and the previous "
     "release still reads it",
     "make the application ignore it first, copy key and column to an archive table, drop it in a "
     "later release"},
    {3, "drop-cascade", kE, "what else it takes along is not written here",
     "list what depends on it and drop each thing by its name, without CASCADE"},
    {4, "truncate", kE, "all rows are gone, under a lock that stops readers",
     "delete in batches that are written to an archive table first"},
    {5, "change-rows", kE, "the old values are overwritten or gone, and rows stay locked",
     "write the old values to an archive table in the same batch, a batch a transaction"},
    {6, "drop-object", kW, "whoever calls or reads it fails",
     "stop using it first and drop it in a later release; keep its definition in the other "
     "direction"},
    {7, "change-column-type", kE,
     "the table is rewritten under a lock that stops readers, and what does not fit is cut or "
     "rounded",
     "add a column of the new type, write both, backfill, switch readers, drop the old one later"},
    {8, "widen-column-type", kN, "no rewrite when the old type was varchar, and no value changes",
     "nothing to do; going back fails once longer values are written"},
    {9, "add-column-not-null", kE,
     "it fails when the table has rows, and inserts of the previous release fail",
     "add it nullable or with a default, backfill, add CHECK (... IS NOT NULL) NOT VALID, validate "
     "it, then SET NOT NULL"},
    {10, "add-column-rewrite", kW, "every row is rewritten under a lock that stops readers",
     "add the column without it, set the default, backfill in batches"},
    {11, "add-column-default", kN, "a constant default is stored once, nothing is rewritten",
     "nothing to do on PostgreSQL 11 and later"},
    {12, "add-column-json", kW, "json has no equality: DISTINCT, GROUP BY and UNION on it fail",
     "use jsonb"},
    {13, "set-not-null", kW,
     "the table is scanned under a lock that stops readers, and it fails when a NULL is found",
     "add CHECK (... IS NOT NULL) NOT VALID, validate it in a later migration, then SET NOT NULL"},
    {14, "drop-not-null", kW, "readers that never met NULL will",
     "make every reader handle NULL first, or use a new column"},
    {15, "constraint-scan", kW, "the table is scanned while its lock stops writers",
     "add it NOT VALID, and VALIDATE CONSTRAINT in a migration of its own"},
    {16, "unique-constraint", kW,
     "its index is built under a lock that stops readers, and it fails on duplicates",
     "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT ... USING INDEX"},
    {17, "exclusion-constraint", kW,
     "its index is built under a lock that stops readers, and NOT VALID does not exist for it",
     "make a new table with the constraint, write both, copy, switch"},
    {18, "create-index", kW, "writes stop until the index is built",
     "CREATE INDEX CONCURRENTLY, alone in its migration"},
    {19, "concurrent-index", kW,
     "what runs concurrently runs outside a transaction, so this script can end half done, and a "
     "failed build leaves an INVALID index",
     "put it alone into a migration; drop an INVALID index before the next try"},
    {20, "drop-index-or-constraint", kW,
     "queries may become slow, or wrong rows may enter so that it cannot be added again",
     "DROP INDEX CONCURRENTLY, late; drop a constraint only once nothing relies on it"},
    {21, "rewrite-table", kW, "the lock stops readers until the rewrite is done",
     "use CONCURRENTLY where it exists, else pg_repack"},
    {22, "rename", kW, "the previous release does not know the new name and breaks at once",
     "add the new name beside the old (a view, or a column that both releases write), drop the "
     "old one later"},
    {23, "enum-add-value", kW, "a value cannot be removed from an enum again: there is no way down",
     "use a lookup table, or accept it and say so"},
    {24, "change-access", kW, "who can see or do what changes unnoticed",
     "record what was there, and check the application's role in the same migration"},
    {25, "unlogged-table", kW,
     "an unlogged table is empty after a crash and missing on standbys; "
     "changing it rewrites the table under a lock that stops readers",
     "leave tables logged"},
    {26, "partition-lock", kW,
     "the partition, or the whole table, is locked while rows are checked",
     "DETACH ... CONCURRENTLY; before ATTACH add a CHECK that says the bounds, NOT VALID, and "
     "validate it"},
    {27, "reset-generated-values", kW, "numbers come twice, or values are no longer filled in",
     "record what it was, and write it in the other direction"},
    {28, "domain-constraint", kW, "every column of the domain is checked under a lock",
     "put the constraint on the columns, NOT VALID, and validate it"},
    {29, "replace-table", kE, "a table of that name that was there before is gone unnoticed",
     "CREATE TABLE alone, which fails when there is one"},
    {30, "transaction-control", kE, "it ends the runner's transaction: body and version row part",
     "remove it; each migration runs in a transaction already"},
    {31, "dynamic-sql", kW, "what it runs is not written here, so it counts as losing data",
     "write the statements out, or accept that going down has to be approved"},
    {32, "lock-timeout", kW,
     "without a lock timeout one slow query ahead of this statement stops all traffic behind it",
     "leave lock_timeout alone: Ripcord sets it (spec.policy.lockTimeout)"},
    {33, "backfill-with-ddl", kW,
     "locks taken by the schema change before it are held until every row is written",
     "move the rows in a later migration, in batches"},
    {34, "mysql-ddl", kN, "every DDL statement commits by itself on MySQL",
     "nothing to do: MySQL is no engine of Ripcord"},
    {35, "sqlite-table-rebuild", kW,
     "SQLite rebuilds the table, and what refers to it can be left dangling",
     "run PRAGMA foreign_key_check at the end of the script"},
    {36, "name-too-long", kW, "PostgreSQL cuts names after 63 bytes", "use a shorter name"},
    {37, "prefer-type", kN, "the type is known to be outgrown or to surprise",
     "bigint keys as identity, text with a CHECK, timestamptz, numeric"},
    {38, "not-understood", kW, "PostgreSQL 15's grammar does not know it",
     "correct it; if a newer server knows it, it runs, and counts as losing data"},
    {39, "waiver-without-reason", kE, "a waiver has to say why",
     "write -- ripcord:allow RULE: reason"},
    {40, "waiver-of-unknown-rule", kE, "there is no rule of that name",
     "take a name of docs/sql-rules.md"},
    {41, "unused-waiver", kN, "the statement does nothing that the rule is about", "delete it"},
    {42, "bad-phase", kE, "a migration has one phase, and there are two",
     "write -- ripcord:phase Expand or -- ripcord:phase Contract, once"},
    {43, "not-additive", kE, "an Expand only adds, so that the release before it goes on",
     "move it into a migration of its own that is a Contract"},
    {44, "not-idempotent", kE, "an Expand can be run again after it was cut short",
     "write IF NOT EXISTS or OR REPLACE, or guard it"},
});

}  // namespace

std::string_view to_string(SqlSeverity severity) {
  return severity == SqlSeverity::kError     ? "error"
         : severity == SqlSeverity::kWarning ? "warning"
                                             : "note";
}

std::span<const SqlRule> sql_rules() {
  return kRules;
}

const SqlRule* find_sql_rule(std::string_view id) {
  const auto* const found = std::find_if(kRules.begin(), kRules.end(),
                                         [&](const SqlRule& rule) { return rule.id == id; });
  return found == kRules.end() ? nullptr : &*found;
}

}  // namespace ripcord
