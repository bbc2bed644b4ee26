-- migrate:up
CREATE TABLE users (id int);
