-- atlas:delimiter \n\n

CREATE TABLE users (id int);
