-- A shop over 30 releases. `@@ VERSION NAME` opens a migration, `no transaction` behind it runs both its scripts
-- without one; `@@ down` opens its down. Every change of data shows a second run in a sum or a text, and
-- nothing depends on the time or on a sequence. Nothing here says IF EXISTS: a second run has to fail.
@@ 1 customers
CREATE TABLE customers (id int PRIMARY KEY, email text NOT NULL, balance int NOT NULL DEFAULT 0);
INSERT INTO customers (id, email) SELECT g, 'c' || g || '@example.com' FROM generate_series(1, 40) g;
@@ down
DROP TABLE customers;
@@ 2 orders
CREATE TYPE order_state AS ENUM ('new', 'paid');
CREATE TABLE orders (
  id int PRIMARY KEY,
  customer int NOT NULL,
  state order_state NOT NULL DEFAULT 'new',
  total int NOT NULL DEFAULT 0,
  note text
);
INSERT INTO orders (id, customer) SELECT g, g % 40 + 1 FROM generate_series(1, 200) g;
@@ down
DROP TABLE orders;
DROP TYPE order_state;
@@ 3 order_customer_key
ALTER TABLE orders ADD CONSTRAINT orders_customer_key FOREIGN KEY (customer) REFERENCES customers (id) NOT VALID;
@@ down
ALTER TABLE orders DROP CONSTRAINT orders_customer_key;
@@ 4 order_customer_key_holds
ALTER TABLE orders VALIDATE CONSTRAINT orders_customer_key;
@@ down
ALTER TABLE orders DROP CONSTRAINT orders_customer_key;
ALTER TABLE orders ADD CONSTRAINT orders_customer_key FOREIGN KEY (customer) REFERENCES customers (id) NOT VALID;
@@ 5 totals
UPDATE orders SET total = total + id;
UPDATE customers c SET balance = balance + (SELECT sum(total) FROM orders o WHERE o.customer = c.id);
@@ down
UPDATE customers c SET balance = balance - (SELECT sum(total) FROM orders o WHERE o.customer = c.id);
UPDATE orders SET total = total - id;
@@ 6 orders_customer_index no transaction
CREATE INDEX CONCURRENTLY orders_customer ON orders (customer);
@@ down
DROP INDEX CONCURRENTLY orders_customer;
@@ 7 notes
CREATE FUNCTION note_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.total <> OLD.total THEN
    NEW.note := coalesce(NEW.note, '') || 'total;';
  END IF;
  RETURN NEW;
END;
$$;
CREATE TRIGGER orders_note BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION note_order();
UPDATE orders SET total = total + 1 WHERE id <= 20;
@@ down
UPDATE orders SET total = total - 1 WHERE id <= 20;
DROP TRIGGER orders_note ON orders;
DROP FUNCTION note_order();
@@ 8 emails_are_unique no transaction
UPDATE customers SET email = 'x' || email WHERE id <= 20;
UPDATE customers SET email = 'y' || email WHERE id > 20;
CREATE UNIQUE INDEX CONCURRENTLY customers_email ON customers (email);
INSERT INTO customers (id, email) VALUES (41, 'z1@example.com'), (42, 'z2;@example.com');
@@ down
DELETE FROM customers WHERE id > 40;
DROP INDEX CONCURRENTLY customers_email;
UPDATE customers SET email = substr(email, 2);
@@ 9 open_orders
CREATE VIEW open_orders AS SELECT id, customer, total FROM orders WHERE state = 'new';
COMMENT ON VIEW open_orders IS 'not paid; yet';
@@ down
DROP VIEW open_orders;
@@ 10 shipped
ALTER TYPE order_state ADD VALUE 'shipped';
@@ down
DROP VIEW open_orders;
ALTER TYPE order_state RENAME TO order_state_old;
CREATE TYPE order_state AS ENUM ('new', 'paid');
ALTER TABLE orders ALTER COLUMN state DROP DEFAULT;
ALTER TABLE orders ALTER COLUMN state TYPE order_state USING state::text::order_state;
ALTER TABLE orders ALTER COLUMN state SET DEFAULT 'new';
DROP TYPE order_state_old;
CREATE VIEW open_orders AS SELECT id, customer, total FROM orders WHERE state = 'new';
COMMENT ON VIEW open_orders IS 'not paid; yet';
@@ 11 ship_old_orders
UPDATE orders SET state = 'shipped', total = total + 100 WHERE id % 10 = 0;
@@ down
UPDATE orders SET state = 'new', total = total - 100 WHERE id % 10 = 0;
@@ 12 totals_are_positive
ALTER TABLE orders ADD CONSTRAINT orders_total CHECK (total >= 0) NOT VALID;
ALTER TABLE orders ADD COLUMN currency text DEFAULT 'EUR';
@@ down
ALTER TABLE orders DROP COLUMN currency;
ALTER TABLE orders DROP CONSTRAINT orders_total;
@@ 13 totals_are_checked
ALTER TABLE orders VALIDATE CONSTRAINT orders_total;
ALTER TABLE orders ALTER COLUMN currency SET NOT NULL;
@@ down
ALTER TABLE orders ALTER COLUMN currency DROP NOT NULL;
ALTER TABLE orders DROP CONSTRAINT orders_total;
ALTER TABLE orders ADD CONSTRAINT orders_total CHECK (total >= 0) NOT VALID;
@@ 14 notes_say_more
CREATE OR REPLACE FUNCTION note_order() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.total <> OLD.total THEN
    NEW.note := coalesce(NEW.note, '') || 'total ' || OLD.total || ';';
  END IF;
  RETURN NEW;
END;
$body$;
UPDATE orders SET total = total + 7 WHERE id BETWEEN 50 AND 60;
@@ down
UPDATE orders SET total = total - 7 WHERE id BETWEEN 50 AND 60;
CREATE OR REPLACE FUNCTION note_order() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.total <> OLD.total THEN
    NEW.note := coalesce(NEW.note, '') || 'total;';
  END IF;
  RETURN NEW;
END;
$body$;
@@ 15 events
CREATE TABLE events (id int NOT NULL, day int NOT NULL, what text) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (100);
CREATE TABLE events_2 (id int NOT NULL, day int NOT NULL, what text);
INSERT INTO events SELECT g, g, 'e' || g FROM generate_series(0, 99) g;
INSERT INTO events_2 SELECT g, g, 'e' || g FROM generate_series(100, 149) g;
@@ down
DROP TABLE events_2;
DROP TABLE events;
@@ 16 second_partition
ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM (100) TO (200);
UPDATE events SET what = what || '!' WHERE day >= 90;
@@ down
UPDATE events SET what = rtrim(what, '!') WHERE day >= 90;
ALTER TABLE events DETACH PARTITION events_2;
@@ 17 sums
CREATE MATERIALIZED VIEW order_sums AS SELECT customer, sum(total) AS total FROM orders GROUP BY 1;
CREATE UNIQUE INDEX order_sums_customer ON order_sums (customer);
@@ down
DROP MATERIALIZED VIEW order_sums;
@@ 18 upkeep no transaction
INSERT INTO events VALUES (1000, 50, 'reindex');
REINDEX INDEX CONCURRENTLY orders_customer;
VACUUM orders;
UPDATE events SET what = what || 'ed' WHERE id = 1000;
@@ down
DELETE FROM events WHERE id = 1000;
REINDEX TABLE CONCURRENTLY customers;
VACUUM ANALYZE events;
@@ 19 remarks
ALTER TABLE orders RENAME COLUMN currency TO unit;
COMMENT ON COLUMN orders.unit IS 'was currency';
@@ down
COMMENT ON COLUMN orders.unit IS NULL;
ALTER TABLE orders RENAME COLUMN unit TO currency;
@@ 20 addresses
CREATE TABLE addresses (customer int NOT NULL REFERENCES customers (id) DEFERRABLE INITIALLY DEFERRED, street text NOT NULL);
INSERT INTO addresses SELECT id, id || ' Main Street' FROM customers;
INSERT INTO addresses VALUES (1, 'Second Home');
@@ down
DROP TABLE addresses;
@@ 21 invoice_numbers
CREATE SEQUENCE invoice_number START 1000;
ALTER TABLE orders ADD COLUMN invoice int;
ALTER TABLE orders ALTER COLUMN invoice SET DEFAULT nextval('invoice_number');
UPDATE orders SET invoice = 500 + id WHERE id <= 100;
CREATE SCHEMA archive;
@@ down
DROP SCHEMA archive;
ALTER TABLE orders DROP COLUMN invoice;
DROP SEQUENCE invoice_number;
@@ 22 archive no transaction
SET search_path = archive;
CREATE TABLE old_orders (id int NOT NULL, total int);
INSERT INTO old_orders SELECT id, total FROM public.orders WHERE id <= 50;
CREATE INDEX CONCURRENTLY old_orders_id ON old_orders (id);
UPDATE old_orders SET total = total + 1;
@@ down
SET search_path = archive;
UPDATE old_orders SET total = total - 1;
DROP INDEX CONCURRENTLY old_orders_id;
DROP TABLE old_orders;
@@ 23 wider_totals
DROP VIEW open_orders;
DROP MATERIALIZED VIEW order_sums;
ALTER TABLE orders ALTER COLUMN total TYPE bigint;
CREATE VIEW open_orders AS SELECT id, customer, total FROM orders WHERE state = 'new';
@@ down
DROP VIEW open_orders;
ALTER TABLE orders ALTER COLUMN total TYPE int;
CREATE VIEW open_orders AS SELECT id, customer, total FROM orders WHERE state = 'new';
COMMENT ON VIEW open_orders IS 'not paid; yet';
CREATE MATERIALIZED VIEW order_sums AS SELECT customer, sum(total) AS total FROM orders GROUP BY 1;
CREATE UNIQUE INDEX order_sums_customer ON order_sums (customer);
@@ 24 without_unit
ALTER TABLE orders DROP COLUMN unit;
@@ down
ALTER TABLE orders ADD COLUMN unit text DEFAULT 'EUR' NOT NULL;
COMMENT ON COLUMN orders.unit IS 'was currency';
@@ 25 address_index no transaction
CREATE UNIQUE INDEX CONCURRENTLY addresses_key ON addresses (customer, street);
@@ down
DROP INDEX CONCURRENTLY addresses_key;
@@ 26 address_key
ALTER TABLE addresses ADD CONSTRAINT addresses_key UNIQUE USING INDEX addresses_key;
@@ down
ALTER TABLE addresses DROP CONSTRAINT addresses_key;
CREATE UNIQUE INDEX addresses_key ON addresses (customer, street);
@@ 27 gifts
DO $$
DECLARE
  n int;
BEGIN
  FOR n IN 1..5 LOOP
    UPDATE customers SET balance = balance + n WHERE id = n;
  END LOOP;
END $$;
INSERT INTO events SELECT 2000 + g, 150, 'gift; ' || g FROM generate_series(1, 5) g;
@@ down
DELETE FROM events WHERE id > 2000;
UPDATE customers SET balance = balance - id WHERE id <= 5;
@@ 28 who_may_see
GRANT SELECT ON orders TO PUBLIC;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY orders_seen ON orders FOR SELECT USING (total > 0);
@@ down
DROP POLICY orders_seen ON orders;
ALTER TABLE orders DISABLE ROW LEVEL SECURITY;
REVOKE SELECT ON orders FROM PUBLIC;
@@ 29 detach no transaction
UPDATE events SET what = what || '?' WHERE day >= 100;
ALTER TABLE events DETACH PARTITION events_2 CONCURRENTLY;
UPDATE events_2 SET what = what || '#';
@@ down
UPDATE events_2 SET what = rtrim(what, '#');
ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM (100) TO (200);
UPDATE events SET what = rtrim(what, '?') WHERE day >= 100;
@@ 30 tiers
ALTER TABLE customers ADD COLUMN tier text GENERATED ALWAYS AS (CASE WHEN balance > 1000 THEN 'gold' ELSE 'base' END) STORED;
CREATE STATISTICS customers_tier ON balance, email FROM customers;
UPDATE customers SET balance = balance * 2;
@@ down
UPDATE customers SET balance = balance / 2;
DROP STATISTICS customers_tier;
ALTER TABLE customers DROP COLUMN tier;
