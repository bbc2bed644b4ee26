--! error 2:14
DROP TABLE IF EXISTS t;
CREATE TABLE t (a int);
--! clean
CREATE TABLE t (a int);
--! clean
DROP TABLE t;
CREATE TABLE u (a int);
