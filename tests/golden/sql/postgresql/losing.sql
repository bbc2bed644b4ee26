--! table users
DROP TABLE users;
--! database shop
DROP DATABASE shop;
--! column users.email
ALTER TABLE users DROP COLUMN email;
--! rows of orders
TRUNCATE orders CASCADE;
--! column orders.total
ALTER TABLE orders ALTER COLUMN total TYPE integer;
--! column orders.note
ALTER TABLE orders ALTER COLUMN note TYPE varchar(10) USING substr(note, 1, 10);
--! rows of orders
TRUNCATE TABLE ONLY orders RESTART IDENTITY;
--! rows of orders
DELETE FROM orders WHERE created_at < now() - interval '1 year';
--! rows of orders
DELETE FROM orders;
--! rows of users
UPDATE users SET email = lower(email);
--! rows of users
UPDATE users SET plan = 'free' WHERE plan = 'trial';
--! schema billing, what depends on SCHEMA billing
DROP SCHEMA billing CASCADE;
--! everything that belongs to app
DROP OWNED BY app;
--! rows of sessions
DO $$ BEGIN DELETE FROM sessions; END $$;
--! table a
DO $$ BEGIN EXECUTE 'DROP TABLE a'; END $$;
--! what DROP ... names when it runs
DO $$ DECLARE r record; BEGIN FOR r IN SELECT relname FROM pg_class LOOP EXECUTE format('DROP TABLE %I', r.relname); END LOOP; END $$;
--! rows of orders
WITH gone AS (DELETE FROM orders WHERE paid RETURNING *) INSERT INTO archive SELECT * FROM gone;
--! rows of orders
WITH x AS (UPDATE orders SET paid = true RETURNING id) SELECT count(*) FROM x;
--! rows of orders
MERGE INTO orders o USING paid p ON o.id = p.id WHEN MATCHED THEN DELETE;
--! rows of prices
INSERT INTO prices (id, price) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET price = excluded.price;
--! where sequence orders_id_seq stands
DROP SEQUENCE orders_id_seq;
--! where sequence orders_id_seq stands
ALTER SEQUENCE orders_id_seq RESTART WITH 1;
--! rows of events
ALTER TABLE events SET UNLOGGED;
--! types and tables of extension hstore, what depends on EXTENSION hstore
DROP EXTENSION hstore CASCADE;
--! rows of orders
CREATE FUNCTION purge() RETURNS void LANGUAGE sql AS $$ DELETE FROM orders $$; SELECT purge();
--! rows of orders
CREATE PROCEDURE purge() LANGUAGE plpgsql AS $$ BEGIN DELETE FROM orders; END $$; CALL purge();
--! what depends on TYPE mood
DROP TYPE mood CASCADE;
--! table old
CREATE TABLE IF NOT EXISTS old (id int); DROP TABLE old;
--! column users.a
ALTER TABLE users ADD COLUMN IF NOT EXISTS a int; ALTER TABLE users DROP COLUMN a;
--! rows of users
EXPLAIN ANALYZE DELETE FROM users;
--! rows of public.users
CREATE TEMP TABLE users AS SELECT * FROM public.users; TRUNCATE public.users;
--! table t
CREATE TABLE t (a int); SET search_path = other; DROP TABLE t;
--! table t
CREATE TABLE t (a int); ALTER TABLE t SET SCHEMA other; DROP TABLE t;
--! role reporting
DROP ROLE reporting;
--! table a, table b
DROP TABLE IF EXISTS a, b;
