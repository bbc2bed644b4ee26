--! note
ALTER TABLE t ALTER COLUMN a TYPE text;
--! note
ALTER TABLE t ALTER COLUMN a TYPE varchar;
--! clean
ALTER TABLE t ALTER COLUMN a TYPE text USING left(a, 3);
