-- +goose Up
CREATE TABLE users (id int);

-- +goose Down
DROP TABLE users;
-- +goose Up
CREATE TABLE orders (id int);
