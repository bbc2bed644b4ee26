--! warning 1:1
ALTER TABLE t SET SCHEMA s;
--! warning 1:1
REVOKE SELECT ON t FROM app;
--! warning 1:1
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
--! warning 1:1
ALTER TABLE t DISABLE TRIGGER ALL;
--! warning 1:1
SET session_replication_role = replica;
--! clean
GRANT SELECT ON t TO app;
--! clean
CREATE TABLE t (a int);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON t FROM PUBLIC;
