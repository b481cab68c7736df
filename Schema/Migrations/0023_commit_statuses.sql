-- The durable outbox of commit statuses: what each context of a commit reports, and what the forge was told last. The state to send is
-- computed from the run's row, so no transition of a run writes here, and a lost hint is found by comparing the rows.
CREATE TABLE commit_statuses (
  repository_id     uuid        NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  git_sha           text        NOT NULL,
  context           text        NOT NULL,
  -- The run that it reports. No foreign key: the row is written before the run. Null: the fixed state and description.
  run_id            uuid,
  -- The first of a run and its reruns: a rerun takes over every context of the original.
  origin_run_id     uuid,
  fixed_state       text        CHECK (fixed_state IN ('pending', 'success', 'failure', 'error')),
  fixed_description text,
  -- open: compared and sent. blocked: the forge refused it for good, or the credential must be fixed. settled: the end was sent.
  progress          text        NOT NULL CHECK (progress IN ('open', 'blocked', 'settled')),
  sent_state        text,
  sent_description  text,
  sent_at           timestamptz,
  -- Posts that the forge accepted: in total, and for the current run.
  posts             integer     NOT NULL DEFAULT 0,
  run_posts         integer     NOT NULL DEFAULT 0,
  -- Failed attempts since the last success.
  attempts          integer     NOT NULL DEFAULT 0,
  next_attempt_at   timestamptz,
  failing_since     timestamptz,
  error_code        text,
  error             text,
  registered_at     timestamptz NOT NULL,
  version           integer     NOT NULL DEFAULT 1,
  PRIMARY KEY (repository_id, git_sha, context),
  CHECK (run_id IS NOT NULL OR (fixed_state IS NOT NULL AND fixed_description IS NOT NULL))
);

CREATE INDEX commit_statuses_unsettled_idx ON commit_statuses (repository_id, registered_at) WHERE progress <> 'settled';

-- Whether everybody can load the repository's badge. A badge discloses whether a build passes, so somebody has to want it.
ALTER TABLE repositories ADD COLUMN public_badge boolean NOT NULL DEFAULT false;
