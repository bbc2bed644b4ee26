-- atlas:txtar

-- migration.sql --
CREATE TABLE users (id int);
