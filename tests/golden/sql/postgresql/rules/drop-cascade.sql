--! error 1:1
DROP SCHEMA s CASCADE;
--! error 1:1
DROP DATABASE d;
--! error 1:1
DROP OWNED BY r;
--! error 1:1
DROP VIEW v CASCADE;
--! clean
DROP SCHEMA s;
--! clean
CREATE SCHEMA s;
DROP SCHEMA s CASCADE;
