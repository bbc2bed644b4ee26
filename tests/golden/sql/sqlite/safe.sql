--! rails
CREATE TABLE IF NOT EXISTS "schema_migrations" ("version" varchar NOT NULL PRIMARY KEY);
CREATE TABLE IF NOT EXISTS "orders" ("id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "user_id" integer NOT NULL, "note" text, CONSTRAINT "fk" FOREIGN KEY ("user_id") REFERENCES "users" ("id"));
CREATE INDEX "index_orders_on_user_id" ON "orders" ("user_id");
INSERT INTO "schema_migrations" (version) VALUES ('20251101120000');
--! columns
ALTER TABLE users ADD COLUMN phone TEXT;
ALTER TABLE users ADD COLUMN active INTEGER NOT NULL DEFAULT 1;
UPDATE users SET phone = old_phone;
CREATE INDEX users_phone ON users (phone);
--! scratch table
CREATE TABLE scratch (a, b);
INSERT INTO scratch SELECT id, name FROM users;
UPDATE scratch SET a = 1;
DELETE FROM scratch;
DROP TABLE scratch;
--! replace() is a function
INSERT INTO notes (body) SELECT replace(body, 'a', 'b') FROM drafts WHERE state = 'OR REPLACE';
--! trigger and view
CREATE VIEW active_users AS SELECT * FROM users WHERE active;
CREATE TRIGGER users_stamp AFTER UPDATE ON users BEGIN UPDATE users SET updated_at = datetime('now') WHERE id = new.id; END;
--! upsert that leaves what is there
INSERT INTO settings (k, v) VALUES ('a', 1) ON CONFLICT (k) DO NOTHING;
INSERT OR IGNORE INTO settings (k, v) VALUES ('b', 2);
--! looks
SELECT count(*) FROM users u JOIN orders o ON o.user_id = u.id WHERE o.total > 5;
PRAGMA foreign_key_check;
PRAGMA foreign_keys = OFF;
ANALYZE;
REINDEX;
VACUUM;
--! full text
CREATE VIRTUAL TABLE search USING fts5(body);
INSERT INTO search (body) VALUES ('x');
