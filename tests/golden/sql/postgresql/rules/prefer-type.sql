--! note
CREATE TABLE t (a char(3));
--! note
CREATE TABLE t (a timestamp);
--! clean
CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a timestamptz, b text);
