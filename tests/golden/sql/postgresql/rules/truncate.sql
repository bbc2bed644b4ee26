--! error 1:16
TRUNCATE TABLE a;
--! error 1:10
TRUNCATE t, users;
--! clean
CREATE TABLE a (id bigint);
TRUNCATE a;
