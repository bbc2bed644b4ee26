-- atlas:txmode none

CREATE INDEX CONCURRENTLY i ON users (id);
