SELECT 1;
CREATE TABLE ${prefix}_users (id int);
