-- Values that must not be readable, for steps (secret), for clones (credential) and for signatures (webhook): AES-256-GCM under a
-- key that is not in this database, identified by key_id. The row's place, name, version and limits are the associated data, so that
-- a row is worth nothing in another place, and wider limits make it unreadable.
-- A new value is a new version. The one before it stays, superseded, as long as something that was given it can still write to a log,
-- because it is masked there; a webhook's stays longer, because a forge may still sign with it.
CREATE TABLE secrets (
  id            uuid        PRIMARY KEY,
  project_id    uuid        REFERENCES projects (id) ON DELETE CASCADE,
  repository_id uuid        REFERENCES repositories (id) ON DELETE CASCADE,
  scope_id      uuid        NOT NULL GENERATED ALWAYS AS (coalesce(repository_id, project_id)) STORED,
  kind          text        NOT NULL CHECK (kind IN ('secret', 'credential', 'webhook')),
  name          text        NOT NULL,
  version       integer     NOT NULL CHECK (version >= 1),
  key_id        text        NOT NULL,
  nonce         bytea       NOT NULL,
  ciphertext    bytea       NOT NULL,
  tag           bytea       NOT NULL,
  events        text[]      NOT NULL DEFAULT '{}',
  branches      text[]      NOT NULL DEFAULT '{}',
  created_at    timestamptz NOT NULL,
  created_by    text        NOT NULL,
  updated_at    timestamptz NOT NULL,
  updated_by    text        NOT NULL,
  superseded_at timestamptz,
  CHECK (num_nonnulls(project_id, repository_id) = 1)
);

CREATE UNIQUE INDEX secrets_version_idx    ON secrets (scope_id, kind, name, version);
CREATE UNIQUE INDEX secrets_current_idx    ON secrets (scope_id, kind, name) WHERE superseded_at IS NULL;
CREATE INDEX        secrets_superseded_idx ON secrets (superseded_at) WHERE superseded_at IS NOT NULL;
CREATE INDEX        secrets_key_idx        ON secrets (key_id, id);
CREATE INDEX        secrets_project_idx    ON secrets (project_id) WHERE project_id IS NOT NULL;
CREATE INDEX        secrets_repository_idx ON secrets (repository_id) WHERE repository_id IS NOT NULL;

CREATE TRIGGER secrets_news AFTER INSERT OR UPDATE OR DELETE ON secrets FOR EACH ROW EXECUTE FUNCTION shipinator_tell_catalog();
