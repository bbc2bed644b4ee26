--! error 1:8
UPDATE users SET email = NULL;
--! error 1:13
DELETE FROM users WHERE id = 1;
--! error 1:29
WITH gone AS ( DELETE FROM  users RETURNING *) SELECT * FROM gone;
--! error 2:9
DO $$ BEGIN
 UPDATE users SET a = 1; END $$;
--! note
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN UPDATE counters SET n = n + 1; RETURN NEW; END $$;
--! clean
UPDATE users SET locale = 'en' WHERE locale IS NULL AND id BETWEEN 1 AND 1000;
--! clean
INSERT INTO users (id) VALUES (1) ON CONFLICT DO NOTHING;
--! clean
CREATE TABLE t (a int);
UPDATE t SET a = 1;
DELETE FROM t;
--! clean
ALTER TABLE users ADD COLUMN a int;
UPDATE users SET a = 1;
