-- +GOOSE up
-- +goose StatementBegin
CREATE FUNCTION f() RETURNS int AS $$
BEGIN
  RETURN 1;
END;
$$ LANGUAGE plpgsql;
-- +goose StatementEnd
CREATE TABLE users (id int);
--  +goose DOWN
DROP FUNCTION f(); -- gone
