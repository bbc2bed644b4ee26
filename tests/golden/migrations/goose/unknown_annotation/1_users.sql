-- +goose Up
CREATE TABLE users (id int);
-- +goose Sideways

-- +goose Down
DROP TABLE users;
