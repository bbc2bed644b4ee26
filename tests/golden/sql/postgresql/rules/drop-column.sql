--! error 1:1
ALTER TABLE users DROP COLUMN email;
--! error 3:3
ALTER TABLE IF EXISTS ONLY public.users
  ADD COLUMN a int DEFAULT (length('é,('))::int,
  DROP COLUMN email;
--! clean
ALTER TABLE users ADD COLUMN a int;
ALTER TABLE users DROP COLUMN a;
