--! warning 1:26
ALTER TABLE t ADD COLUMN a json;
--! clean
ALTER TABLE t ADD COLUMN a jsonb;
