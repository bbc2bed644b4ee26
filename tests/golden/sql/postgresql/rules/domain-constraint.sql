--! warning 1:1
ALTER DOMAIN d ADD CONSTRAINT c CHECK (value > 0);
--! note 1:1
CREATE DOMAIN d AS int CHECK (value > 0);
--! clean
ALTER DOMAIN d ADD CONSTRAINT c CHECK (value > 0) NOT VALID;
--! clean
CREATE DOMAIN d AS int;
