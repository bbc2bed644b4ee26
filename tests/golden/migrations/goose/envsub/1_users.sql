-- +goose Up
-- +goose ENVSUB ON
CREATE TABLE ${NAME} (id int);
