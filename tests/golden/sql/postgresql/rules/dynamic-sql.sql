--! warning 2:3
DO $$ DECLARE t text := 'x'; BEGIN
  EXECUTE 'DROP TABLE ' || t; END $$;
--! warning 1:6
CALL rebuild();
--! warning 1:1
DO LANGUAGE plpython3u $$ pass $$;
--! note 1:8
SELECT create_hypertable('a', 'b');
--! clean
DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_type WHERE typname = 'mood') THEN
    CREATE TYPE mood AS ENUM ('sad');
  END IF;
END $$;
--! clean
SELECT count(*) FROM t;
