-- +migrate Up notransaction
CREATE INDEX CONCURRENTLY i ON users (id);

-- +migrate Down
DROP TABLE users;
