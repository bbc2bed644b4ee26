--! table users
DROP TABLE users;
--! table users
DROP TABLE IF EXISTS "users";
--! column users.email
ALTER TABLE users DROP COLUMN email;
--! rows of users
DELETE FROM users;
--! rows of main_log
UPDATE main_log SET a = 1 WHERE b = 2;
--! rows of users
INSERT OR REPLACE INTO users (id, name) VALUES (1, 'a');
--! rows of users
REPLACE INTO users VALUES (1, 2, 3);
--! rows of users
INSERT INTO users (id, n) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET n = excluded.n;
--! rows of users
WITH old AS (SELECT id FROM users WHERE seen < 5) DELETE FROM users WHERE id IN (SELECT id FROM old);
--! rows of log
CREATE TABLE t (a); CREATE TRIGGER tr AFTER INSERT ON t BEGIN DELETE FROM log; END; INSERT INTO t VALUES (1);
--! table old
CREATE TABLE IF NOT EXISTS old (id); DROP TABLE old;
--! rows of users
UPDATE OR REPLACE users SET a = 1;
