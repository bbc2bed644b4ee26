--! error drop-table 1:1
DROP TABLE t;
--! error drop-column 2:3
SELECT 'é;';
  ALTER TABLE t DROP COLUMN a;
--! error change-rows 1:1
DELETE FROM t;
--! warning drop-object 1:1
DROP VIEW IF EXISTS v;
--! warning drop-object 1:1
DROP TRIGGER tr;
--! warning drop-index-or-constraint 1:1
DROP INDEX i;
--! warning rename 1:1
ALTER TABLE t RENAME COLUMN a TO b;
--! warning rename 1:1
ALTER TABLE t RENAME TO u;
--! error add-column-not-null 1:1
ALTER TABLE t ADD COLUMN a TEXT NOT NULL;
--! error replace-table 2:1
DROP TABLE IF EXISTS t;
CREATE TABLE t (a);
--! warning sqlite-table-rebuild 4:1
CREATE TABLE t_new (a, b);
INSERT INTO t_new SELECT a, b FROM t;
DROP TABLE t;
ALTER TABLE t_new RENAME TO t;
--! clean sqlite-table-rebuild
CREATE TABLE t_new (a, b);
INSERT INTO t_new SELECT a, b FROM t;
DROP TABLE t;
ALTER TABLE t_new RENAME TO t;
PRAGMA foreign_key_check;
--! error transaction-control 2:1
SELECT 1;
COMMIT;
--! warning not-understood 1:1
SELEC 1;
--! clean rename
CREATE TABLE t (a);
ALTER TABLE t RENAME COLUMN a TO b;
--! clean drop-table
-- ripcord:allow drop-table: nobody reads it
DROP TABLE t;
--! error waiver-of-unknown-rule 1:1
-- ripcord:allow drop-tabel: nobody reads it
DROP TABLE t;
