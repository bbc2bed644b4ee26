--! warning 2:8
ALTER TABLE t ADD COLUMN a int;
UPDATE t SET a = b;
--! warning 2:13
ALTER TABLE t ADD COLUMN a int;
INSERT INTO log SELECT id FROM t;
--! clean
UPDATE t SET a = b WHERE a IS NULL;
--! clean
ALTER TABLE t ADD COLUMN a int;
INSERT INTO settings (name) VALUES ('a');
--! clean
CREATE TABLE t (a int);
INSERT INTO t SELECT id FROM u;
