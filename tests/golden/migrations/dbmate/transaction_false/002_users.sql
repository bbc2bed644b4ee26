-- migrate:up
CREATE TABLE users (id int);

-- migrate:down transaction:true
DROP TABLE users;
