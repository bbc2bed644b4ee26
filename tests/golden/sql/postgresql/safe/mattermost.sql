--! 1 guarded creation
CREATE TABLE IF NOT EXISTS teams (
    id VARCHAR(26) PRIMARY KEY,
    createat bigint,
    updateat bigint,
    deleteat bigint,
    displayname VARCHAR(64),
    name VARCHAR(64),
    description VARCHAR(255),
    email VARCHAR(128),
    type VARCHAR(255),
    UNIQUE(name)
);
CREATE INDEX IF NOT EXISTS idx_teams_invite_id ON teams (name);
CREATE INDEX IF NOT EXISTS idx_teams_update_at ON teams (updateat);
CREATE INDEX IF NOT EXISTS idx_teams_create_at ON teams (createat);
CREATE INDEX IF NOT EXISTS idx_teams_delete_at ON teams (deleteat);
--! 2 columns
ALTER TABLE teams ADD COLUMN IF NOT EXISTS allowopeninvite boolean;
ALTER TABLE teams ADD COLUMN IF NOT EXISTS lastteamiconupdate bigint;
ALTER TABLE teams ADD COLUMN IF NOT EXISTS schemeid VARCHAR(26);
ALTER TABLE teams ADD COLUMN IF NOT EXISTS groupconstrained boolean;
ALTER TABLE teams ADD COLUMN IF NOT EXISTS cloudlimitsarchived boolean NOT NULL DEFAULT FALSE;
--! 3 nontransactional index
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_posts_create_at_id ON posts(createat, id);
--! 4
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_fileinfo_channel_id_create_at ON fileinfo(channelid, createat);
--! 5 guarded enum
DO
$$
BEGIN
  IF NOT EXISTS (SELECT * FROM pg_type typ
                            INNER JOIN pg_namespace nsp ON nsp.oid = typ.typnamespace
                        WHERE nsp.nspname = current_schema()
                            AND typ.typname = 'channel_bookmark_type') THEN
    CREATE TYPE channel_bookmark_type AS ENUM ('link', 'file');
  END IF;
END;
$$
LANGUAGE plpgsql;
CREATE TABLE IF NOT EXISTS channelbookmarks (
    id varchar(26) PRIMARY KEY,
    ownerid varchar(26) NOT NULL,
    channelid varchar(26) NOT NULL,
    fileinfoid varchar(26) DEFAULT NULL,
    createat bigint DEFAULT 0,
    updateat bigint DEFAULT 0,
    deleteat bigint DEFAULT 0,
    displayname text DEFAULT '',
    sortorder integer DEFAULT 0,
    type channel_bookmark_type DEFAULT 'link'
);
CREATE INDEX IF NOT EXISTS idx_channelbookmarks_channelid ON channelbookmarks (channelid);
CREATE INDEX IF NOT EXISTS idx_channelbookmarks_update_at ON channelbookmarks (updateat);
--! 6 view of many tables
CREATE MATERIALIZED VIEW IF NOT EXISTS posts_by_team_day AS
SELECT to_timestamp(p.createat/1000)::date AS day, COUNT(*) AS num, channels.teamid
FROM posts p JOIN channels ON p.channelid = channels.id
GROUP BY day, channels.teamid;
CREATE UNIQUE INDEX IF NOT EXISTS idx_posts_by_team_day ON posts_by_team_day (teamid, day);
--! 7 upsert that leaves what is there
INSERT INTO propertygroups (id, name) VALUES ('cpa', 'custom_profile_attributes') ON CONFLICT (id) DO NOTHING;
INSERT INTO systems (name, value) VALUES ('migration_done', 'true') ON CONFLICT DO NOTHING;
--! 8 look, then say
DO $$
DECLARE
  n bigint;
BEGIN
  SELECT count(*) INTO n FROM users WHERE nickname IS NULL;
  RAISE NOTICE 'users without a nickname: %', n;
END $$;
