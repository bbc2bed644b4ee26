--! error 2:1
DROP TABLE t;
-- ripcord:allow drop-tables: it is old
SELECT 1;
--! clean
DROP TABLE t; -- ripcord:allow drop-table: it is old
