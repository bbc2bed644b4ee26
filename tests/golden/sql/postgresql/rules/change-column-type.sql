--! error 1:28
ALTER TABLE t ALTER COLUMN a TYPE bigint;
--! warning
ALTER TABLE t ALTER COLUMN a TYPE varchar(100);
--! error
ALTER TABLE t ALTER COLUMN a TYPE text USING left(a, 3);
--! clean
ALTER TABLE t ALTER COLUMN a TYPE text;
--! clean
CREATE TABLE t (a int);
ALTER TABLE t ALTER COLUMN a TYPE bigint;
