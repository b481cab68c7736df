-- The eight tables of the specification (§2) with its columns and words, and what the control plane needs beside them.
-- Every id is a UUID version 7 made by the control plane: ordering by id is ordering by creation.

CREATE TABLE projects (
  id          uuid        PRIMARY KEY,
  name        text        NOT NULL UNIQUE,
  description text,
  created_at  timestamptz NOT NULL,
  updated_at  timestamptz NOT NULL
);

CREATE TABLE repositories (
  id             uuid        PRIMARY KEY,
  project_id     uuid        NOT NULL REFERENCES projects (id),
  name           text        NOT NULL,
  vcs_provider   text        NOT NULL,
  clone_url      text        NOT NULL,
  default_branch text        NOT NULL,
  executor       text,
  last_synced_at timestamptz,
  created_at     timestamptz NOT NULL,
  updated_at     timestamptz NOT NULL,
  CONSTRAINT repositories_project_id_name_key UNIQUE (project_id, name)
);

CREATE TABLE pipelines (
  id            uuid        PRIMARY KEY,
  repository_id uuid        NOT NULL REFERENCES repositories (id),
  name          text        NOT NULL,
  trigger_type  text        NOT NULL CHECK (trigger_type IN ('pr', 'push', 'manual', 'schedule')),
  created_at    timestamptz NOT NULL,
  updated_at    timestamptz NOT NULL,
  CONSTRAINT pipelines_repository_id_trigger_type_key UNIQUE (repository_id, trigger_type)
);

CREATE TABLE pipeline_runs (
  id                  uuid        PRIMARY KEY,
  pipeline_id         uuid        NOT NULL REFERENCES pipelines (id),
  git_ref             text        NOT NULL,
  git_sha             text        NOT NULL,
  status              text        NOT NULL CHECK (status IN ('pending', 'running', 'success', 'failed', 'canceled')),
  created_at          timestamptz NOT NULL,
  started_at          timestamptz,
  finished_at         timestamptz,
  repository_id       uuid        NOT NULL REFERENCES repositories (id),
  project_id          uuid        NOT NULL REFERENCES projects (id),
  -- The names when the run was made: what its templates and environment were given.
  project_name        text        NOT NULL,
  repository_name     text        NOT NULL,
  run_number          bigint      NOT NULL,
  clone_url           text        NOT NULL,
  executor            text        NOT NULL,
  event               text        NOT NULL,
  branch              text,
  commit_message      text,
  commit_author       text,
  actor               text        NOT NULL,
  rerun_of            uuid        REFERENCES pipeline_runs (id),
  idempotency_key     text,
  plan                jsonb       NOT NULL,
  jobs                jsonb       NOT NULL,
  reason              text,
  detail              text,
  cancel_requested_at timestamptz,
  cancel_reason       text,
  cancel_detail       text,
  cancel_actor        text,
  sequence            integer     NOT NULL,
  updated_at          timestamptz NOT NULL,
  version             integer     NOT NULL,
  CONSTRAINT pipeline_runs_repository_id_run_number_key UNIQUE (repository_id, run_number)
);

CREATE TABLE jobs (
  id                  uuid        PRIMARY KEY,
  pipeline_run_id     uuid        NOT NULL REFERENCES pipeline_runs (id),
  job_type            text        NOT NULL CHECK (job_type IN ('build', 'test', 'deploy')),
  name                text        NOT NULL,
  status              text        NOT NULL CHECK (status IN ('pending', 'running', 'success', 'failed', 'canceled', 'skipped')),
  created_at          timestamptz NOT NULL,
  started_at          timestamptz,
  finished_at         timestamptz,
  position            integer     NOT NULL,
  attempt             integer     NOT NULL,
  spec                jsonb       NOT NULL,
  restart_because     text,
  reused_from         uuid        REFERENCES jobs (id),
  not_before          timestamptz,
  reason              text,
  detail              text,
  cancel_requested_at timestamptz,
  cancel_reason       text,
  cancel_detail       text,
  cancel_actor        text,
  sequence            integer     NOT NULL,
  updated_at          timestamptz NOT NULL,
  version             integer     NOT NULL
);

CREATE TABLE job_steps (
  id              uuid        PRIMARY KEY,
  job_id          uuid        NOT NULL REFERENCES jobs (id),
  name            text        NOT NULL,
  execution_order integer,
  parallel_group  text,
  status          text        NOT NULL CHECK (status IN ('pending', 'running', 'success', 'failed', 'canceled', 'skipped')),
  created_at      timestamptz NOT NULL,
  started_at      timestamptz,
  finished_at     timestamptz,
  position        integer     NOT NULL,
  job_attempt     integer     NOT NULL,
  executions      uuid[]      NOT NULL,
  started         integer     NOT NULL,
  not_before      timestamptz,
  exit_code       integer,
  reason          text,
  detail          text,
  sequence        integer     NOT NULL,
  updated_at      timestamptz NOT NULL,
  CONSTRAINT job_steps_place_key UNIQUE (job_id, job_attempt, position)
);

CREATE TABLE executions (
  id                  uuid        PRIMARY KEY,
  job_step_id         uuid        NOT NULL REFERENCES job_steps (id),
  executor_type       text        NOT NULL,
  external_id         text        NOT NULL,
  status              text        NOT NULL CHECK (status IN ('pending', 'submitted', 'running', 'success', 'failed', 'canceled')),
  submitted_at        timestamptz NOT NULL,
  completed_at        timestamptz,
  -- Above its step, so that a run's executions are found without a join; that they exist follows from job_step_id.
  job_id              uuid        NOT NULL,
  pipeline_run_id     uuid        NOT NULL,
  project_id          uuid        NOT NULL,
  attempt             integer     NOT NULL,
  spec                jsonb       NOT NULL,
  created_at          timestamptz NOT NULL,
  started_at          timestamptz,
  claimed_by          text,
  exit_code           integer,
  logs_uri            text,
  reason              text,
  detail              text,
  cancel_requested_at timestamptz,
  cancel_reason       text,
  cancel_detail       text,
  cancel_actor        text,
  sequence            integer     NOT NULL,
  updated_at          timestamptz NOT NULL,
  version             integer     NOT NULL
);

CREATE TABLE artifacts (
  id              uuid        PRIMARY KEY,
  job_id          uuid        NOT NULL REFERENCES jobs (id),
  artifact_type   text        NOT NULL CHECK (artifact_type IN ('binary', 'image', 'chart', 'test-report', 'coverage', 'file')),
  storage_backend text        NOT NULL,
  storage_path    text        NOT NULL,
  checksum        text,
  created_at      timestamptz NOT NULL,
  execution_id    uuid        NOT NULL REFERENCES executions (id),
  file_name       text        NOT NULL,
  size            bigint      NOT NULL CHECK (size >= 0),
  -- Set when the artifact is only a name, such as an image's: nothing was stored.
  ref             text,
  CONSTRAINT artifacts_place_key UNIQUE (execution_id, artifact_type, file_name)
);

-- Lists of runs, newest first: each filter alone walks one index backwards and never sorts.
CREATE INDEX pipeline_runs_pipeline_id_idx   ON pipeline_runs (pipeline_id, id);
CREATE INDEX pipeline_runs_repository_id_idx ON pipeline_runs (repository_id, id);
CREATE INDEX pipeline_runs_project_id_idx    ON pipeline_runs (project_id, id);
CREATE INDEX pipeline_runs_status_idx        ON pipeline_runs (status, id);
CREATE INDEX pipeline_runs_branch_idx        ON pipeline_runs (branch, id);
CREATE INDEX pipeline_runs_event_idx         ON pipeline_runs (event, id);
CREATE INDEX pipeline_runs_rerun_of_idx      ON pipeline_runs (rerun_of) WHERE rerun_of IS NOT NULL;

CREATE INDEX jobs_pipeline_run_id_idx ON jobs (pipeline_run_id);
CREATE INDEX jobs_reused_from_idx     ON jobs (reused_from) WHERE reused_from IS NOT NULL;

CREATE INDEX executions_job_step_id_idx     ON executions (job_step_id);
CREATE INDEX executions_pipeline_run_id_idx ON executions (pipeline_run_id);
CREATE INDEX artifacts_job_id_idx           ON artifacts (job_id);

-- What is not terminal is little, however much history there is. The condition is on the end, not on the status: a change
-- of status before the end then touches no index at all (a heap-only update), and room for it is left on each page.
CREATE INDEX pipeline_runs_unfinished_idx ON pipeline_runs (id) WHERE finished_at IS NULL;
CREATE INDEX jobs_unfinished_idx          ON jobs (id) WHERE finished_at IS NULL;
CREATE INDEX executions_unfinished_idx    ON executions (id) WHERE completed_at IS NULL;

ALTER TABLE jobs       SET (fillfactor = 70);
ALTER TABLE job_steps  SET (fillfactor = 70);
ALTER TABLE executions SET (fillfactor = 70);
