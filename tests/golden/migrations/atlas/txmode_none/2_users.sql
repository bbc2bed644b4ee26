-- atlas:txmode none
CREATE TABLE users (id int);
