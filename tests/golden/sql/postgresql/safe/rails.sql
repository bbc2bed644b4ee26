--! 1 structure.sql head
SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
--! 2 create_table :orders
CREATE TABLE "orders" ("id" bigserial primary key, "user_id" bigint NOT NULL, "number" character varying NOT NULL, "total_cents" integer DEFAULT 0 NOT NULL, "metadata" jsonb DEFAULT '{}' NOT NULL, "created_at" timestamp(6) NOT NULL, "updated_at" timestamp(6) NOT NULL, CONSTRAINT "fk_rails_f868b47f6a" FOREIGN KEY ("user_id") REFERENCES "users" ("id"));
CREATE INDEX "index_orders_on_user_id" ON "orders" ("user_id");
CREATE UNIQUE INDEX "index_orders_on_number" ON "orders" ("number");
--! 3 add_column
ALTER TABLE "users" ADD "time_zone" character varying DEFAULT 'UTC' NOT NULL;
ALTER TABLE "users" ADD "last_seen_at" timestamp(6);
ALTER TABLE "users" ADD "settings" jsonb DEFAULT '{}' NOT NULL;
ALTER TABLE "users" ADD "api_token_digest" character varying;
--! 4 add_index algorithm: :concurrently
CREATE INDEX CONCURRENTLY "index_users_on_last_seen_at" ON "users" ("last_seen_at");
--! 5 remove_index algorithm: :concurrently
DROP INDEX CONCURRENTLY "index_users_on_old";
--! 6 add_foreign_key validate: false
ALTER TABLE "orders" ADD CONSTRAINT "fk_rails_144e25bef6" FOREIGN KEY ("shop_id") REFERENCES "shops" ("id") NOT VALID;
--! 7 validate_foreign_key
ALTER TABLE "orders" VALIDATE CONSTRAINT "fk_rails_144e25bef6";
--! 8 change_column_default
ALTER TABLE "orders" ALTER COLUMN "state" SET DEFAULT 'pending';
ALTER TABLE "orders" ALTER COLUMN "total_cents" SET DEFAULT 0;
--! 9 change_column :text
ALTER TABLE "products" ALTER COLUMN "description" TYPE text;
--! 10 create_enum
CREATE TYPE "order_state" AS ENUM ('pending', 'paid', 'shipped');
--! 11 schema_migrations
INSERT INTO "schema_migrations" (version) VALUES ('20251101120000');
CREATE TABLE "ar_internal_metadata" ("key" character varying NOT NULL PRIMARY KEY, "value" character varying, "created_at" timestamp(6) NOT NULL, "updated_at" timestamp(6) NOT NULL);
--! 12 safe not null, last step
ALTER TABLE "orders" VALIDATE CONSTRAINT "orders_shop_id_null";
ALTER TABLE "orders" ALTER COLUMN "shop_id" SET NOT NULL;
ALTER TABLE "orders" DROP CONSTRAINT "orders_shop_id_null";
--! 13 join table
CREATE TABLE "assemblies_parts" ("assembly_id" bigint NOT NULL, "part_id" bigint NOT NULL);
CREATE INDEX "index_assemblies_parts_on_part_id" ON "assemblies_parts" ("part_id");
CREATE INDEX "index_assemblies_parts_on_both" ON "assemblies_parts" ("assembly_id", "part_id");
--! 14 backfill in_batches
UPDATE "users" SET "time_zone" = 'UTC' WHERE "users"."time_zone" IS NULL AND "users"."id" >= 1 AND "users"."id" < 1001;
--! 15 comments
COMMENT ON TABLE "orders" IS 'What people bought; one row an order';
COMMENT ON COLUMN "orders"."total_cents" IS 'with "VAT" -- DROP TABLE orders;';
