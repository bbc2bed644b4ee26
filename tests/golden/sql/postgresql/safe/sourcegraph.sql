--! 1 search contexts
CREATE TABLE IF NOT EXISTS search_contexts (
    id BIGSERIAL PRIMARY KEY,
    name citext NOT NULL,
    description text NOT NULL,
    public boolean NOT NULL,
    namespace_user_id integer REFERENCES users(id) ON DELETE CASCADE,
    namespace_org_id integer REFERENCES orgs(id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT search_contexts_has_one_or_no_namespace CHECK ((namespace_user_id IS NULL) OR (namespace_org_id IS NULL))
);
CREATE UNIQUE INDEX IF NOT EXISTS search_contexts_name_without_namespace_unique ON search_contexts (name) WHERE namespace_user_id IS NULL AND namespace_org_id IS NULL;
CREATE UNIQUE INDEX IF NOT EXISTS search_contexts_name_namespace_user_id_unique ON search_contexts (name, namespace_user_id) WHERE namespace_user_id IS NOT NULL;
COMMENT ON COLUMN search_contexts.deleted_at IS 'This column is unused as of Sourcegraph 3.34. Do not refer to it anymore.';
--! 2 concurrent index file
CREATE INDEX CONCURRENTLY IF NOT EXISTS event_logs_name_timestamp ON event_logs (name, timestamp DESC);
--! 3 views
CREATE VIEW branch_changeset_specs_and_changesets AS
SELECT changeset_specs.id AS changeset_spec_id, COALESCE(changesets.id, 0::bigint) AS changeset_id
FROM changeset_specs LEFT JOIN changesets ON changesets.external_branch = changeset_specs.head_ref;
--! 4 view and its users made anew in one transaction
DROP VIEW IF EXISTS site_config;
CREATE VIEW site_config AS SELECT site_id, initialized FROM global_state;
--! 5 audit trigger with named arguments
CREATE OR REPLACE FUNCTION func_package_repo_filters_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at = statement_timestamp();
    RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS trigger_package_repo_filters_updated_at ON package_repo_filters;
CREATE TRIGGER trigger_package_repo_filters_updated_at BEFORE UPDATE ON package_repo_filters FOR EACH ROW EXECUTE FUNCTION func_package_repo_filters_updated_at();
--! 6 columns and comments
ALTER TABLE lsif_uploads ADD COLUMN IF NOT EXISTS uncompressed_size bigint;
ALTER TABLE lsif_uploads ADD COLUMN IF NOT EXISTS should_reindex boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN lsif_uploads.num_parts IS 'The number of parts src-cli split the upload file into.';
--! 7 seed rows
INSERT INTO permissions (namespace, action) VALUES ('BATCH_CHANGES', 'READ'), ('BATCH_CHANGES', 'WRITE') ON CONFLICT DO NOTHING;
INSERT INTO roles (name, system) VALUES ('USER', true), ('SITE_ADMINISTRATOR', true) ON CONFLICT (name) DO NOTHING;
INSERT INTO role_permissions (role_id, permission_id) SELECT r.id, p.id FROM roles r, permissions p WHERE r.name = 'USER' ON CONFLICT DO NOTHING;
--! 8 extension
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;
--! 9 temporary working table
CREATE TEMPORARY TABLE tmp_repo_ids (id integer) ON COMMIT DROP;
INSERT INTO tmp_repo_ids SELECT id FROM repo WHERE deleted_at IS NULL;
DELETE FROM tmp_repo_ids WHERE id < 10;
SELECT count(*) FROM tmp_repo_ids;
--! 10 row of a new table made from an old one
CREATE TABLE repo_statistics (total bigint NOT NULL DEFAULT 0, cloned bigint NOT NULL DEFAULT 0);
INSERT INTO repo_statistics (total, cloned) SELECT COUNT(*), COUNT(*) FILTER (WHERE cloned) FROM repo;
UPDATE repo_statistics SET total = 0 WHERE total < 0;
