-- +goose NO TRANSACTION
-- +goose Up
CREATE INDEX CONCURRENTLY i ON users (id);

-- +goose Down
DROP INDEX CONCURRENTLY i;
