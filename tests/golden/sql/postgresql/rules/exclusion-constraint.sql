--! warning 1:19
ALTER TABLE t ADD CONSTRAINT c EXCLUDE USING gist (r WITH &&);
--! clean
CREATE TABLE t (r tsrange, EXCLUDE USING gist (r WITH &&));
