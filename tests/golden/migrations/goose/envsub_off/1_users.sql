-- +goose Up
-- +goose ENVSUB OFF
CREATE TABLE users (id int);
