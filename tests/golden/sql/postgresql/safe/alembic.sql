--! 1 version table
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version (version_num) VALUES ('1975ea83b712') RETURNING alembic_version.version_num;
--! 2 account
CREATE TABLE account (
    id SERIAL NOT NULL,
    name VARCHAR(50) NOT NULL,
    description VARCHAR(200),
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX ix_account_name ON account (name);
CREATE UNIQUE INDEX ix_account_lower_name ON account (lower(name));
--! 3 add_column
ALTER TABLE account ADD COLUMN last_transaction_date TIMESTAMP WITHOUT TIME ZONE;
ALTER TABLE account ADD COLUMN active BOOLEAN DEFAULT true NOT NULL;
ALTER TABLE account ADD COLUMN tags TEXT[] DEFAULT '{}' NOT NULL;
--! 4 bulk_insert
INSERT INTO account (name, description) VALUES ('John Smith', 'it''s; fine');
INSERT INTO account (name, description) VALUES ('Ed Williams', E'a\'b;c');
--! 5 index
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_txn_account ON txn (account_id) INCLUDE (amount);
--! 6 server default
ALTER TABLE account ALTER COLUMN description SET DEFAULT '';
--! 7 schema per tenant
CREATE SCHEMA tenant_7;
CREATE TABLE tenant_7.item (id BIGINT GENERATED ALWAYS AS IDENTITY, price NUMERIC(12, 2), PRIMARY KEY (id));
CREATE INDEX ix_item_price ON tenant_7.item (price);
ALTER TABLE tenant_7.item ADD CONSTRAINT price_positive CHECK (price > 0);
GRANT USAGE ON SCHEMA tenant_7 TO app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tenant_7 TO app;
REVOKE ALL ON SCHEMA tenant_7 FROM PUBLIC;
--! 8 view
CREATE OR REPLACE VIEW active_account AS SELECT id, name FROM account WHERE active;
--! 9 type of a new table changes in the same revision
CREATE TABLE ledger (id bigint PRIMARY KEY, amount integer);
ALTER TABLE ledger ALTER COLUMN amount TYPE numeric(20, 4);
ALTER TABLE ledger ALTER COLUMN amount SET NOT NULL;
ALTER TABLE ledger ADD COLUMN memo text NOT NULL;
ALTER TABLE ledger DROP COLUMN memo;
