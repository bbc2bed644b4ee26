--! error 1:26
ALTER TABLE t ADD COLUMN a int NOT NULL;
--! clean
ALTER TABLE t ADD COLUMN a int NOT NULL DEFAULT 0;
--! clean
ALTER TABLE t ADD COLUMN a int;
--! clean
CREATE TABLE t (id bigint);
ALTER TABLE t ADD COLUMN a int NOT NULL;
