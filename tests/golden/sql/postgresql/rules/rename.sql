--! warning 1:1
ALTER TABLE t RENAME TO u;
--! warning 1:1
ALTER TABLE t RENAME COLUMN a TO b;
--! warning 1:1
ALTER SCHEMA s RENAME TO r;
--! warning 1:1
ALTER TYPE mood RENAME VALUE 'sad' TO 'blue';
--! clean
ALTER INDEX i RENAME TO j;
--! clean
ALTER TABLE t RENAME CONSTRAINT c TO d;
--! clean
ALTER TABLE t RENAME TO u;
CREATE VIEW t AS SELECT * FROM u;
--! clean
CREATE TABLE t_new (a int);
ALTER TABLE t_new RENAME TO t;
