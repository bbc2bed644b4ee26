--! note 1:1
-- ripcord:allow drop-column: gone
SELECT 1;
--! clean
/* ripcord:allow drop-column, drop-cascade: gone */
ALTER TABLE t DROP COLUMN a CASCADE;
