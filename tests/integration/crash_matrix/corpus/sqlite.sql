-- The shop on SQLite, in the form of postgres.sql. The ledger is the corpus's own: every script leaves a
-- line in it, `what` unique, and every change of data shows a second run.
@@ 1 ledger
CREATE TABLE ledger (what text PRIMARY KEY);
INSERT INTO ledger VALUES ('up 1');
@@ down
DROP TABLE ledger;
@@ 2 customers
CREATE TABLE customers (id integer PRIMARY KEY, email text NOT NULL, balance int NOT NULL DEFAULT 0);
WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 40)
INSERT INTO customers (id, email) SELECT n, 'c' || n || '@example.com' FROM g;
INSERT INTO ledger VALUES ('up 2');
@@ down
DROP TABLE customers;
INSERT INTO ledger VALUES ('down 2');
@@ 3 orders
CREATE TABLE orders (id integer PRIMARY KEY, customer int NOT NULL REFERENCES customers (id), total int NOT NULL DEFAULT 0, note text);
WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 200)
INSERT INTO orders (id, customer) SELECT n, n % 40 + 1 FROM g;
INSERT INTO ledger VALUES ('up 3');
@@ down
DROP TABLE orders;
INSERT INTO ledger VALUES ('down 3');
@@ 4 totals
UPDATE orders SET total = total + id;
UPDATE customers SET balance = balance + (SELECT sum(total) FROM orders o WHERE o.customer = customers.id);
@@ down
UPDATE customers SET balance = balance - (SELECT sum(total) FROM orders o WHERE o.customer = customers.id);
UPDATE orders SET total = total - id;
@@ 5 orders_customer_index
CREATE INDEX orders_customer ON orders (customer);
@@ down
DROP INDEX orders_customer;
@@ 6 notes
CREATE TRIGGER orders_note AFTER UPDATE OF total ON orders
BEGIN
  UPDATE orders SET note = coalesce(note, '') || 'total;' WHERE id = NEW.id;
  UPDATE customers SET balance = balance + CASE WHEN NEW.total > OLD.total THEN 1 ELSE -1 END WHERE id = NEW.customer;
END;
UPDATE orders SET total = total + 1 WHERE id <= 20;
@@ down
UPDATE orders SET total = total - 1 WHERE id <= 20;
DROP TRIGGER orders_note;
@@ 7 compact no transaction
UPDATE customers SET email = 'x' || email WHERE id <= 20;
INSERT INTO ledger VALUES ('up 7 first half');
UPDATE customers SET email = 'y' || email WHERE id > 20;
VACUUM;
INSERT INTO ledger VALUES ('up 7 second half');
@@ down
UPDATE customers SET email = substr(email, 2);
VACUUM;
INSERT INTO ledger VALUES ('down 7');
@@ 8 emails_are_unique
CREATE UNIQUE INDEX customers_email ON customers (email);
INSERT INTO customers (id, email) VALUES (41, 'z1@example.com'), (42, 'z2;@example.com');
@@ down
DELETE FROM customers WHERE id > 40;
DROP INDEX customers_email;
@@ 9 large_orders
CREATE VIEW large_orders AS SELECT id, customer, total FROM orders WHERE total > 100;
@@ down
DROP VIEW large_orders;
@@ 10 currency
ALTER TABLE orders ADD COLUMN currency text NOT NULL DEFAULT 'EUR';
UPDATE orders SET currency = currency || '.' WHERE id <= 10;
@@ down
ALTER TABLE orders DROP COLUMN currency;
@@ 11 unit
ALTER TABLE orders RENAME COLUMN currency TO unit;
@@ down
ALTER TABLE orders RENAME COLUMN unit TO currency;
@@ 12 customers_rebuilt
PRAGMA foreign_keys = off;
DROP TRIGGER orders_note;
CREATE TABLE customers_new (id integer PRIMARY KEY, email text NOT NULL CHECK (length(email) > 3), balance int NOT NULL DEFAULT 0);
INSERT INTO customers_new SELECT id, email, balance + 1 FROM customers;
DROP TABLE customers;
ALTER TABLE customers_new RENAME TO customers;
CREATE UNIQUE INDEX customers_email ON customers (email);
CREATE TRIGGER orders_note AFTER UPDATE OF total ON orders
BEGIN
  UPDATE orders SET note = coalesce(note, '') || 'total;' WHERE id = NEW.id;
  UPDATE customers SET balance = balance + CASE WHEN NEW.total > OLD.total THEN 1 ELSE -1 END WHERE id = NEW.customer;
END;
@@ down
DROP TRIGGER orders_note;
CREATE TABLE customers_new (id integer PRIMARY KEY, email text NOT NULL, balance int NOT NULL DEFAULT 0);
INSERT INTO customers_new SELECT id, email, balance - 1 FROM customers;
DROP TABLE customers;
ALTER TABLE customers_new RENAME TO customers;
CREATE UNIQUE INDEX customers_email ON customers (email);
CREATE TRIGGER orders_note AFTER UPDATE OF total ON orders
BEGIN
  UPDATE orders SET note = coalesce(note, '') || 'total;' WHERE id = NEW.id;
  UPDATE customers SET balance = balance + CASE WHEN NEW.total > OLD.total THEN 1 ELSE -1 END WHERE id = NEW.customer;
END;
@@ 13 events
CREATE TABLE events (id integer PRIMARY KEY, day int NOT NULL, what text);
WITH RECURSIVE g (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM g WHERE n < 149)
INSERT INTO events SELECT n, n, 'e' || n FROM g;
@@ down
DROP TABLE events;
@@ 14 events_by_day
CREATE INDEX events_day ON events (day DESC) WHERE day > 10;
CREATE INDEX events_upper ON events (upper(what));
@@ down
DROP INDEX events_upper;
DROP INDEX events_day;
@@ 15 louder
UPDATE events SET what = what || '!' WHERE day >= 90;
INSERT INTO ledger VALUES ('up 15; louder');
@@ down
UPDATE events SET what = rtrim(what, '!') WHERE day >= 90;
INSERT INTO ledger VALUES ('down 15');
@@ 16 addresses
CREATE TABLE addresses (customer int NOT NULL REFERENCES customers (id), street text NOT NULL, PRIMARY KEY (customer, street)) WITHOUT ROWID;
INSERT INTO addresses SELECT id, id || ' Main Street' FROM customers;
INSERT INTO addresses VALUES (1, 'Second Home');
@@ down
DROP TABLE addresses;
@@ 17 upkeep no transaction
INSERT INTO events VALUES (1000, 50, 'reindex');
REINDEX orders_customer;
VACUUM;
UPDATE events SET what = what || 'ed' WHERE id = 1000;
@@ down
DELETE FROM events WHERE id = 1000;
VACUUM;
@@ 18 sums
CREATE TABLE order_sums AS SELECT customer, sum(total) AS total FROM orders GROUP BY 1;
@@ down
DROP TABLE order_sums;
@@ 19 sums_follow
CREATE TRIGGER sums_follow AFTER INSERT ON orders
BEGIN
  UPDATE order_sums SET total = total + NEW.total WHERE customer = NEW.customer;
END;
INSERT INTO orders (id, customer, total) VALUES (201, 1, 11), (202, 2, 12);
@@ down
DELETE FROM orders WHERE id > 200;
DROP TRIGGER sums_follow;
@@ 20 tiers
ALTER TABLE customers ADD COLUMN tier text GENERATED ALWAYS AS (CASE WHEN balance > 1000 THEN 'gold' ELSE 'base' END) VIRTUAL;
UPDATE customers SET balance = balance * 2;
@@ down
UPDATE customers SET balance = balance / 2;
ALTER TABLE customers DROP COLUMN tier;
@@ 21 old_orders
CREATE TABLE old_orders (id integer PRIMARY KEY, total int);
INSERT INTO old_orders SELECT id, total FROM orders WHERE id <= 50;
DELETE FROM orders WHERE id <= 50;
CREATE VIEW old_large AS SELECT id FROM old_orders WHERE total > 20;
@@ down
DROP VIEW old_large;
INSERT INTO orders (id, customer, total) SELECT id, id % 40 + 1, total FROM old_orders;
DROP TABLE old_orders;
@@ 22 old_orders_rebuilt no transaction
PRAGMA legacy_alter_table = on;
ALTER TABLE old_orders RENAME TO past_orders;
CREATE TABLE old_orders (id integer PRIMARY KEY, total int NOT NULL);
INSERT INTO old_orders SELECT id, total + 1 FROM past_orders;
DROP TABLE past_orders;
VACUUM;
UPDATE old_orders SET total = total + 2;
@@ down
UPDATE old_orders SET total = total - 3;
VACUUM;
PRAGMA legacy_alter_table = on;
ALTER TABLE old_orders RENAME TO past_orders;
CREATE TABLE old_orders (id integer PRIMARY KEY, total int);
INSERT INTO old_orders SELECT id, total FROM past_orders;
DROP TABLE past_orders;
@@ 23 wider_view
DROP VIEW large_orders;
CREATE VIEW large_orders AS SELECT id, customer, total, unit FROM orders WHERE total > 50;
@@ down
DROP VIEW large_orders;
CREATE VIEW large_orders AS SELECT id, customer, total FROM orders WHERE total > 100;
@@ 24 gifts
ALTER TABLE order_sums RENAME TO customer_sums;
UPDATE customers SET balance = balance + id WHERE id <= 5;
INSERT INTO events SELECT 2000 + id, 150, 'gift; ' || id FROM customers WHERE id <= 5;
@@ down
DELETE FROM events WHERE id > 2000;
UPDATE customers SET balance = balance - id WHERE id <= 5;
ALTER TABLE customer_sums RENAME TO order_sums;
@@ 25 settings
CREATE TABLE settings (name text PRIMARY KEY, value text) WITHOUT ROWID;
INSERT INTO settings VALUES ('theme', 'dark; mostly');
INSERT INTO settings VALUES ('limit', '10');
@@ down
DROP TABLE settings;
@@ 26 limits
UPDATE settings SET value = value + 5 WHERE name = 'limit';
INSERT INTO settings VALUES ('step', '1');
@@ down
DELETE FROM settings WHERE name = 'step';
UPDATE settings SET value = value - 5 WHERE name = 'limit';
@@ 27 no_events_trigger
CREATE TRIGGER events_stay BEFORE DELETE ON events WHEN OLD.day < 0
BEGIN
  SELECT RAISE(ABORT, 'events stay; all');
END;
@@ down
DROP TRIGGER events_stay;
@@ 28 two_halves no transaction
UPDATE events SET what = what || '?' WHERE day < 75;
UPDATE events SET what = what || '#' WHERE day >= 75;
INSERT INTO ledger VALUES ('up 28');
@@ down
UPDATE events SET what = rtrim(what, '?') WHERE day < 75;
UPDATE events SET what = rtrim(what, '#') WHERE day >= 75;
@@ 29 statistics
ANALYZE orders;
INSERT INTO ledger VALUES ('up 29');
@@ down
INSERT INTO ledger VALUES ('down 29');
DELETE FROM sqlite_stat1;
@@ 30 last
ALTER TABLE settings ADD COLUMN changed_by text;
UPDATE settings SET changed_by = coalesce(changed_by, '') || 'm30';
INSERT INTO ledger VALUES ('up 30');
@@ down
ALTER TABLE settings DROP COLUMN changed_by;
INSERT INTO ledger VALUES ('down 30');
