--! warning 1:1
ALTER TYPE mood ADD VALUE 'calm';
--! clean
CREATE TYPE mood AS ENUM ('sad');
ALTER TYPE mood ADD VALUE 'calm';
