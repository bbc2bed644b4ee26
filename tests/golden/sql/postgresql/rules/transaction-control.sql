--! error 1:1
BEGIN;
--! error 2:1
SELECT 1;
COMMIT;
--! error 2:3
DO $$ BEGIN
  COMMIT; END $$;
--! clean
SELECT 'BEGIN; COMMIT';
