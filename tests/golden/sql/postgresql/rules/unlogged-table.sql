--! warning 1:1
ALTER TABLE t SET UNLOGGED;
--! warning 1:23
CREATE UNLOGGED TABLE t (a int);
--! clean
CREATE TABLE t (a int);
