-- +goose Up
CREATE TABLE orders (id int);

-- +goose Down
DROP TABLE orders;
