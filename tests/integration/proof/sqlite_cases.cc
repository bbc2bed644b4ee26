// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/proof/cases.h"

namespace ripcord {
namespace {

using R = Reversibility;

const Case kSqlite[] = {
    {"a new index", "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)", "CREATE INDEX i ON t (b)",
     "DROP INDEX i", R::kLossless, ""},
    {"a new column", "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)",
     "ALTER TABLE t ADD COLUMN c TEXT", "ALTER TABLE t DROP COLUMN c", R::kLossy,
     "content of t.c, by the down"},
    {"a renamed column", "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)",
     "ALTER TABLE t RENAME COLUMN b TO c", "ALTER TABLE t RENAME COLUMN c TO b", R::kLossless, ""},
    {"a dropped column that comes back empty", "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)",
     "ALTER TABLE t DROP COLUMN b", "ALTER TABLE t ADD COLUMN b TEXT", R::kLossy,
     "content of t.b, by the up"},
    {"a table made anew without its check",
     "CREATE TABLE t (a INTEGER PRIMARY KEY, b INT CHECK (b > 3))",
     "CREATE TABLE n (a INTEGER PRIMARY KEY, b INT); INSERT INTO n SELECT * FROM t; DROP TABLE t; "
     "ALTER TABLE n RENAME TO t",
     "SELECT 1", R::kIrreversible, "down does not bring back clause t.check ( b > 3 )"},
    {"a table made anew and back", "CREATE TABLE t (a INTEGER PRIMARY KEY, b INT CHECK (b > 3))",
     "CREATE TABLE n (a INTEGER PRIMARY KEY, b INT); INSERT INTO n SELECT * FROM t; DROP TABLE t; "
     "ALTER TABLE n RENAME TO t",
     "CREATE TABLE n (a INTEGER PRIMARY KEY, b INT CHECK (b > 3)); INSERT INTO n SELECT * FROM t; "
     "DROP TABLE t; ALTER TABLE "
     "n RENAME TO t",
     R::kLossless, ""},
    {"a table that takes only certain words",
     "CREATE TABLE t (a INTEGER PRIMARY KEY, s TEXT NOT NULL CHECK (s IN ('it''s', 'old')))",
     "ALTER TABLE t ADD COLUMN b TEXT", "ALTER TABLE t DROP COLUMN b", R::kLossy,
     "content of t.b, by the down"},
    {"a check of another word", "CREATE TABLE t (a TEXT CHECK (a IN ('x', 'a')))",
     "DROP TABLE t; CREATE TABLE t (a TEXT CHECK (a IN ('x', a)))", "SELECT 1", R::kIrreversible,
     "down does not bring back clause t.check ( a in ( 'x' , 'a' ) )"},
    {"a view", "CREATE TABLE t (a INT)", "CREATE VIEW v AS SELECT a FROM t", "DROP VIEW v",
     R::kLossless, ""},
    {"a trigger that stays", "CREATE TABLE t (a INT)",
     "CREATE TRIGGER r AFTER INSERT ON t BEGIN UPDATE t SET a = a; END", "SELECT 1",
     R::kIrreversible, "down leaves trigger r"},
    {"a foreign key", "CREATE TABLE p (a INTEGER PRIMARY KEY)",
     "CREATE TABLE c (a INT REFERENCES p (a))", "DROP TABLE c", R::kLossy,
     "rows of c, by the down"},
    {"an update", "CREATE TABLE t (a INT, b TEXT)", "UPDATE t SET b = 'x'", "SELECT 1", R::kLossy,
     "content of t.b"},
    {"a down that fails", "CREATE TABLE t (a INT)", "CREATE TABLE u (a INT)", "DROP TABLE v",
     R::kIrreversible, "down fails on a shadow: line 1: no such table: v"},
    {"a column that only rows without the rest can fill",
     "CREATE TABLE u (id INT, code TEXT CHECK (length(code) = 5), phone TEXT)",
     "ALTER TABLE u DROP COLUMN phone", "ALTER TABLE u ADD COLUMN phone TEXT", R::kLossy,
     "content of u.phone, by the up"},
    {"NULL that the down refuses", "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT NOT NULL)",
     "CREATE TABLE n (a INTEGER PRIMARY KEY, b TEXT); INSERT INTO n SELECT * FROM t; DROP TABLE t; "
     "ALTER TABLE n RENAME TO t",
     "CREATE TABLE n (a INTEGER PRIMARY KEY, b TEXT NOT NULL); INSERT INTO n SELECT * FROM t; DROP "
     "TABLE t; ALTER TABLE n RENAME TO t",
     R::kIrreversible, "down fails on a shadow: line 1: NOT NULL constraint failed: n.b"},
    {"NULL that is written over", "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)",
     "UPDATE t SET b = '' WHERE b IS NULL", "SELECT 1", R::kLossy,
     "rows of t are no longer what they were, by the up"},
    {"a time that becomes a day", "CREATE TABLE t (a INTEGER PRIMARY KEY, at DATETIME)",
     "UPDATE t SET at = date(at)", "SELECT 1", R::kLossy, "content of t.at, by the up"},
    {"a delete that no row of ours meets", "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)",
     "DELETE FROM t WHERE b = 'nobody'", "SELECT 1", R::kLossy,
     "by the inspector: rows of t, by the up"},
    {"not null", "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)",
     "CREATE TABLE n (a INTEGER PRIMARY KEY, b TEXT NOT NULL); INSERT INTO n SELECT * FROM t; DROP "
     "TABLE t; ALTER TABLE n RENAME TO t",
     "CREATE TABLE n (a INTEGER PRIMARY KEY, b TEXT); INSERT INTO n SELECT * FROM t; DROP TABLE t; "
     "ALTER TABLE n RENAME TO t",
     R::kLossless, ""},
    {"a file beside", "CREATE TABLE t (a INT)", "ATTACH DATABASE '/tmp/ripcord-proof' AS o",
     "SELECT 1", R::kUnproven, "reaches beyond its database"},
};

}  // namespace

std::span<const Case> sqlite_cases() {
  return kSqlite;
}

}  // namespace ripcord
