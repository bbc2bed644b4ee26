--! note 1:26
ALTER TABLE t ADD COLUMN a int DEFAULT 0;
--! clean
ALTER TABLE t ADD COLUMN a int;
