-- +migrate Up
SELECT 1;

-- +migrate Down
