--! warning 1:1
CREATE INDEX i ON t (a);
--! warning 2:1
CREATE TABLE u (a int);
CREATE UNIQUE INDEX i ON t (a);
--! clean
CREATE INDEX CONCURRENTLY i ON t (a);
--! clean
CREATE TABLE t (a int);
CREATE INDEX i ON public.t (a);
--! clean
CREATE TABLE IF NOT EXISTS t (a int);
CREATE INDEX IF NOT EXISTS i ON t (a);
