-- migrate:up
CREATE TABLE users (id int);

-- migrate:down
DROP TABLE users;
-- migrate:up
CREATE TABLE orders (id int);

-- migrate:down
DROP TABLE orders;
