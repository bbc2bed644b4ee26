--! error 1:1
-- ripcord:allow drop-table
DROP TABLE t;
--! error 1:1
-- ripcord:allow drop-table:
DROP TABLE t;
--! clean
-- ripcord:allow drop-table: nobody has read it since release 12
DROP TABLE t;
