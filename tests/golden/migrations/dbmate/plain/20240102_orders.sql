-- migrate:up
CREATE TABLE orders (id int);

-- migrate:down
