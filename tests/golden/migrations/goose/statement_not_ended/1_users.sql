-- +goose Up
-- +goose StatementBegin
CREATE TABLE users (id int);

-- +goose Down
DROP TABLE users;
