--! warning 2:7
SELECT 'é';
ALTER é TABLE t FROBNICATE;
--! clean
SELECT 1;
