--! warning 1:1
SET lock_timeout = 0;
--! warning 1:1
SET LOCAL lock_timeout TO '0s';
--! warning 1:1
RESET lock_timeout;
--! warning 1:1
RESET ALL;
--! clean
SET LOCAL lock_timeout = '500ms';
--! clean
SET statement_timeout = 0;
