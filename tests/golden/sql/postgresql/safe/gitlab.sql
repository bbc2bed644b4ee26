--! 1 new table with its own indexes and foreign keys
CREATE TABLE merge_request_reviews (
    id bigint NOT NULL,
    merge_request_id bigint NOT NULL,
    author_id bigint,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    state smallint DEFAULT 0 NOT NULL,
    body text,
    CONSTRAINT check_4f1c1ad0cc CHECK ((char_length(body) <= 65536))
);
CREATE SEQUENCE merge_request_reviews_id_seq START WITH 1 INCREMENT BY 1 NO MINVALUE NO MAXVALUE CACHE 1;
ALTER SEQUENCE merge_request_reviews_id_seq OWNED BY merge_request_reviews.id;
ALTER TABLE ONLY merge_request_reviews ALTER COLUMN id SET DEFAULT nextval('merge_request_reviews_id_seq'::regclass);
ALTER TABLE ONLY merge_request_reviews ADD CONSTRAINT merge_request_reviews_pkey PRIMARY KEY (id);
CREATE INDEX index_merge_request_reviews_on_author_id ON merge_request_reviews USING btree (author_id);
CREATE UNIQUE INDEX index_merge_request_reviews_on_mr_and_author ON merge_request_reviews USING btree (merge_request_id, author_id);
ALTER TABLE ONLY merge_request_reviews ADD CONSTRAINT fk_2a91bd9e3e FOREIGN KEY (merge_request_id) REFERENCES merge_requests(id) ON DELETE CASCADE;
--! 2 column with a constant default
ALTER TABLE "projects" ADD COLUMN "suggestion_commit_message_enabled" boolean DEFAULT FALSE NOT NULL;
ALTER TABLE "namespaces" ADD "traversal_depth" smallint;
ALTER TABLE "application_settings" ADD "max_yaml_depth" integer DEFAULT 100 NOT NULL;
--! 3 index without a lock
SET statement_timeout TO 0;
CREATE INDEX CONCURRENTLY "index_ci_builds_on_stage_id_and_status" ON "ci_builds" ("stage_id", "status") WHERE type = 'Ci::Build';
--! 4 old index goes
DROP INDEX CONCURRENTLY "index_ci_builds_on_stage_id";
--! 5 not null by a check, first half
ALTER TABLE ci_builds ADD CONSTRAINT check_1e2fbd1b39 CHECK ( project_id IS NOT NULL ) NOT VALID;
--! 6 second half
SET statement_timeout TO 0;
ALTER TABLE ci_builds VALIDATE CONSTRAINT check_1e2fbd1b39;
RESET statement_timeout;
--! 7 foreign key in two halves
ALTER TABLE issues ADD CONSTRAINT fk_899c8f3231 FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE NOT VALID;
--! 8
ALTER TABLE issues VALIDATE CONSTRAINT fk_899c8f3231;
--! 9 trigger that copies a column while ids widen
CREATE OR REPLACE FUNCTION trigger_07c94931164e()
RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  NEW."id_convert_to_bigint" := NEW."id";
  RETURN NEW;
END;
$$;
DROP TRIGGER IF EXISTS trigger_07c94931164e ON push_event_payloads;
CREATE TRIGGER trigger_07c94931164e BEFORE INSERT OR UPDATE ON push_event_payloads FOR EACH ROW EXECUTE FUNCTION trigger_07c94931164e();
ALTER TABLE push_event_payloads ADD COLUMN IF NOT EXISTS id_convert_to_bigint bigint DEFAULT 0 NOT NULL;
--! 10 partitions
CREATE TABLE IF NOT EXISTS gitlab_partitions_dynamic.audit_events_202511 PARTITION OF audit_events FOR VALUES FROM ('2025-11-01') TO ('2025-12-01');
CREATE TABLE IF NOT EXISTS gitlab_partitions_dynamic.audit_events_202512 PARTITION OF audit_events FOR VALUES FROM ('2025-12-01') TO ('2026-01-01');
COMMENT ON TABLE audit_events IS 'Partitioned by month';
--! 11 batched background backfill
UPDATE "ci_pipelines" SET "partition_id" = 100 WHERE "ci_pipelines"."id" BETWEEN 1 AND 1000 AND "ci_pipelines"."partition_id" IS NULL;
--! 12 function with a delete that only triggers run
CREATE FUNCTION delete_associated_project_namespace() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
DELETE FROM namespaces
WHERE namespaces.id = OLD.project_namespace_id AND
namespaces.type = 'Project';
RETURN NULL;
END
$$;
CREATE TRIGGER trigger_delete_project_namespace_on_project_delete AFTER DELETE ON projects FOR EACH ROW WHEN ((old.project_namespace_id IS NOT NULL)) EXECUTE FUNCTION delete_associated_project_namespace();
--! 13 text limit
ALTER TABLE notes ADD CONSTRAINT check_1244cbd7d0 CHECK ((noteable_type IS NOT NULL)) NOT VALID;
--! 14 unique by a concurrent index, first half
CREATE UNIQUE INDEX CONCURRENTLY index_keys_on_fingerprint_sha256_unique ON keys (fingerprint_sha256);
--! 15 second half
ALTER TABLE keys ADD CONSTRAINT uniq_keys_fingerprint UNIQUE USING INDEX index_keys_on_fingerprint_sha256_unique;
--! 16 statistics and storage
ALTER TABLE ci_builds ALTER COLUMN stage_id SET STATISTICS 1000;
ALTER TABLE ci_builds SET (autovacuum_vacuum_scale_factor = 0.01);
ANALYZE ci_builds;
