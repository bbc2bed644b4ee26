-- atlas:delimiter //

CREATE TABLE users (id int)//
