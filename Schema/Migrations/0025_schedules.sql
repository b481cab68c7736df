-- Schedules of pipeline files (on.schedule). A row follows the default branch's file: entry_key recognizes its entry. A row whose
-- entry is gone keeps its id and the decision of people (enabled), in case the entry returns.
CREATE TABLE schedules (
  id            uuid        PRIMARY KEY,
  repository_id uuid        NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  entry_key     text        NOT NULL,
  name          text,
  cron          text        NOT NULL,
  branch        text,
  timezone      text        NOT NULL,
  inputs        jsonb       NOT NULL,
  enabled       boolean     NOT NULL,
  -- The due time that is taken next; null: none (disabled, removed, or no such time). Whoever takes it replaces it, if it is still there.
  next_at       timestamptz,
  -- Attempts to take next_at that failed, and when to attempt it again.
  attempts      integer     NOT NULL DEFAULT 0,
  retry_at      timestamptz,
  -- The last due time that was taken.
  last_at       timestamptz,
  last_run_id   uuid,
  -- Why the last run was late.
  note          text,
  -- The last error, until a run is created again, and how many due times in a row had none.
  failure       text,
  failures      integer     NOT NULL DEFAULT 0,
  failed_at     timestamptz,
  removed_at    timestamptz,
  created_at    timestamptz NOT NULL,
  updated_at    timestamptz NOT NULL,
  CONSTRAINT schedules_repository_id_entry_key_key UNIQUE (repository_id, entry_key)
);

CREATE INDEX schedules_due_idx ON schedules (coalesce(retry_at, next_at), id) WHERE next_at IS NOT NULL;

CREATE TRIGGER schedules_news AFTER INSERT OR UPDATE OR DELETE ON schedules FOR EACH ROW EXECUTE FUNCTION shipinator_tell_catalog();

-- Something worth knowing about how the run came about: that its schedule was late.
ALTER TABLE pipeline_runs ADD COLUMN note text;

-- The run of a due time, long after the repository's grain has forgotten the idempotency key. Clients choose keys, but not actors.
CREATE INDEX pipeline_runs_schedule_key_idx ON pipeline_runs (idempotency_key) WHERE actor LIKE 'schedule:%';
