-- See postgres_lab.h. Advances oracle.turn at the begin and the end of every command that changes the schema and before every
-- statement that changes rows of a table in public or archive, and sleeps at the one that oracle.stop names.
CREATE SCHEMA oracle;
CREATE TABLE oracle.ledger (tag text, what text, query text);
-- Unlogged: a number taken from it must not give the transaction an id, which DROP INDEX CONCURRENTLY does not stand.
CREATE UNLOGGED SEQUENCE oracle.turn;
CREATE TABLE oracle.stop (at bigint NOT NULL);
INSERT INTO oracle.stop VALUES (0);

CREATE FUNCTION oracle.pass() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  wanted bigint := (SELECT at FROM oracle.stop);
BEGIN
  IF wanted > 0 AND nextval('oracle.turn') = wanted THEN
    PERFORM pg_sleep(600);
  END IF;
END $$;

CREATE FUNCTION oracle.rows_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO oracle.ledger VALUES (TG_OP, TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, current_query());
  PERFORM oracle.pass();
  RETURN NULL;
END $$;

CREATE FUNCTION oracle.begins() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  IF coalesce(current_setting('oracle.busy', true), '') <> 'yes' THEN
    PERFORM oracle.pass();
  END IF;
END $$;

CREATE FUNCTION oracle.ends() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
  made record;
BEGIN
  IF coalesce(current_setting('oracle.busy', true), '') = 'yes' THEN
    RETURN;
  END IF;
  FOR made IN SELECT DISTINCT command_tag, object_identity, object_type, schema_name FROM pg_event_trigger_ddl_commands() LOOP
    CONTINUE WHEN made.schema_name = 'ripcord' OR made.object_identity = 'ripcord'
      OR made.object_identity ~ '(schema_migrations|goose_db_version|schema_history|gorp_migrations|atlas_schema_revisions)';
    -- The second half of a statement that was cut short is that statement.
    INSERT INTO oracle.ledger VALUES (made.command_tag, made.object_identity, CASE WHEN current_query() LIKE '%FINALIZE'
      THEN replace(replace(current_query(), '"', ''), 'FINALIZE', 'CONCURRENTLY') ELSE current_query() END);
    IF made.command_tag = 'CREATE TABLE' AND made.object_type = 'table' THEN
      PERFORM set_config('oracle.busy', 'yes', true);
      EXECUTE format('CREATE TRIGGER zz_oracle BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH STATEMENT EXECUTE FUNCTION '
                     'oracle.rows_change()', made.object_identity);
      PERFORM set_config('oracle.busy', '', true);
    END IF;
  END LOOP;
  PERFORM oracle.pass();
END $$;

-- What the controller itself clears up after a broken build is no change that a migration asked for.
CREATE FUNCTION oracle.drops() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO oracle.ledger SELECT tg_tag, object_identity, current_query() FROM pg_event_trigger_dropped_objects()
    WHERE original AND current_query() NOT LIKE 'DROP INDEX CONCURRENTLY IF EXISTS%';
END $$;

CREATE FUNCTION oracle.dump() RETURNS text LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
  lines text[];
  each record;
  content text;
  places oid[] := (SELECT array_agg(oid) FROM pg_namespace WHERE nspname IN ('public', 'archive'));
BEGIN
  SELECT array_agg(line) INTO lines FROM (
    SELECT format('schema %s', nspname) AS line FROM pg_namespace WHERE oid = ANY (places)
    UNION ALL
    SELECT format('relation %s %s acl %s rls %s %s', oid::regclass, relkind, relacl, relrowsecurity, pg_get_expr(relpartbound, oid))
      FROM pg_class WHERE relnamespace = ANY (places) AND relkind NOT IN ('i', 'I', 'c')
    UNION ALL
    SELECT format('column %s %s %s %s null %s default %s %s', c.oid::regclass, a.attnum, attname, format_type(atttypid, atttypmod),
        NOT attnotnull, pg_get_expr(adbin, adrelid), attgenerated)
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped
      LEFT JOIN pg_attrdef d ON adrelid = c.oid AND adnum = attnum
      WHERE relnamespace = ANY (places) AND relkind IN ('r', 'p', 'v', 'm')
    UNION ALL
    SELECT format('constraint %s %s %s valid %s', conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated)
      FROM pg_constraint WHERE connamespace = ANY (places)
    UNION ALL
    SELECT format('index %s valid %s ready %s live %s', pg_get_indexdef(indexrelid), indisvalid, indisready, indislive)
      FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE relnamespace = ANY (places)
    UNION ALL
    SELECT format('partition %s of %s pending %s', inhrelid::regclass, inhparent::regclass, inhdetachpending) FROM pg_inherits
    UNION ALL
    SELECT format('function %s', pg_get_functiondef(oid)) FROM pg_proc WHERE pronamespace = ANY (places)
    UNION ALL
    SELECT format('trigger %s %s', pg_get_triggerdef(t.oid), tgenabled) FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
      WHERE NOT tgisinternal AND relnamespace = ANY (places)
    UNION ALL
    SELECT format('view %s %s', oid::regclass, pg_get_viewdef(oid)) FROM pg_class
      WHERE relnamespace = ANY (places) AND relkind IN ('v', 'm')
    UNION ALL
    SELECT format('enum %s %s', enumtypid::regtype, string_agg(enumlabel, ',' ORDER BY enumsortorder)) FROM pg_enum GROUP BY enumtypid
    UNION ALL
    SELECT format('policy %s', p) FROM pg_policies p
    UNION ALL
    SELECT format('statistics %s', pg_get_statisticsobjdef(oid)) FROM pg_statistic_ext
    UNION ALL
    SELECT format('comment %s %s', pg_describe_object(classoid, objoid, objsubid), description) FROM pg_description d
      JOIN pg_class c ON classoid = 'pg_class'::regclass AND c.oid = objoid WHERE relnamespace = ANY (places)
    UNION ALL
    SELECT format('%s times %s %s: %s', count(*), tag, what, query) FROM oracle.ledger GROUP BY tag, what, query) all_of_it;
  IF to_regclass('ripcord.applied') IS NOT NULL THEN
    lines := lines || ARRAY(SELECT format('record %s %s %s %s %s', version, name, previous, up_digest, down_digest) FROM ripcord.applied);
    lines := lines || ARRAY(SELECT format('journal %s', j) FROM ripcord.journal j);
  END IF;
  FOR each IN SELECT oid::regclass AS place FROM pg_class WHERE relnamespace = ANY (places) AND relkind IN ('r', 'm')
      AND relname !~ '(schema_migrations|goose_db_version|schema_history|gorp_migrations|atlas_schema_revisions)' LOOP
    EXECUTE format('SELECT count(*) || '' '' || coalesce(md5(string_agg(t::text, ''|'' ORDER BY t::text)), '''') FROM %s t', each.place)
      INTO content;
    lines := lines || format('rows %s %s', each.place, content);
  END LOOP;
  SELECT string_agg(replace(line, chr(10), ' '), chr(10) ORDER BY line) INTO content FROM unnest(lines) line;
  RETURN content;
END $$;

CREATE EVENT TRIGGER oracle_begins ON ddl_command_start EXECUTE FUNCTION oracle.begins();
CREATE EVENT TRIGGER oracle_ends ON ddl_command_end EXECUTE FUNCTION oracle.ends();
CREATE EVENT TRIGGER oracle_drops ON sql_drop EXECUTE FUNCTION oracle.drops();
