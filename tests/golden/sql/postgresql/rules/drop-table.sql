--! error 2:3
-- ä comment; with a semicolon
  DROP TABLE users;
--! error 1:16
SELECT 'é;é';  DROP TABLE users;
--! error 3:5
DO $body$
BEGIN
    DROP TABLE users;
END
$body$;
--! note
CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$
BEGIN DROP TABLE users; END $$;
--! clean
CREATE TABLE t (id bigint);
DROP TABLE t;
--! clean
CREATE TEMP TABLE scratch (id bigint);
DROP TABLE IF EXISTS scratch;
