-- Webhook deliveries: the queue between the forge's request and the run. A row without outcome waits. Its order is that of the commits:
-- deliveries of one repository are stored one after the other.
CREATE TABLE webhook_deliveries (
  id                uuid        PRIMARY KEY,
  repository_id     uuid        NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  position          bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
  -- The forge's id: the same for a redelivery.
  forge_delivery_id text,
  event_name        text        NOT NULL,
  -- The branch, tag or pull request, and what happened to it; both null for what is compared with nothing.
  ref_key           text,
  content_key       text,
  -- A ForgeEvent. Not jsonb, which refuses the escape of a NUL character.
  event             text        NOT NULL,
  received_at       timestamptz NOT NULL,
  queued_at         timestamptz NOT NULL,
  next_attempt_at   timestamptz NOT NULL,
  attempts          integer     NOT NULL DEFAULT 0,
  failure           text,
  round             integer     NOT NULL DEFAULT 0,
  requested_by      text,
  -- The id and number of the run that is being created: a repeated attempt creates no second one.
  reserved_run      uuid,
  reserved_number   bigint,
  processed_at      timestamptz,
  outcome           text,
  detail            text,
  duplicate_of      uuid,
  runs              uuid[]      NOT NULL DEFAULT '{}',
  file_errors       jsonb,
  trigger_type      text,
  git_sha           text,
  CHECK ((processed_at IS NULL) = (outcome IS NULL))
);

CREATE UNIQUE INDEX webhook_deliveries_forge_idx ON webhook_deliveries (repository_id, forge_delivery_id);
CREATE INDEX webhook_deliveries_list_idx ON webhook_deliveries (repository_id, position);
CREATE INDEX webhook_deliveries_ref_idx ON webhook_deliveries (repository_id, ref_key, position) WHERE ref_key IS NOT NULL;
CREATE INDEX webhook_deliveries_waiting_idx ON webhook_deliveries (repository_id, position) WHERE processed_at IS NULL;
CREATE INDEX webhook_deliveries_processed_idx ON webhook_deliveries (processed_at) WHERE processed_at IS NOT NULL;

-- Screens that show deliveries are told when one was received or has its outcome.
CREATE TRIGGER webhook_deliveries_news AFTER INSERT OR UPDATE OF outcome ON webhook_deliveries
  FOR EACH ROW EXECUTE FUNCTION shipinator_tell_catalog();

-- Further events that a run counts for: a pull request whose commit a push has run with an equal plan. The commit's status of that
-- trigger type is reported from this run, too.
CREATE TABLE run_contexts (
  run_id        uuid        NOT NULL REFERENCES pipeline_runs (id) ON DELETE CASCADE,
  trigger_type  text        NOT NULL,
  repository_id uuid        NOT NULL,
  git_sha       text        NOT NULL,
  created_at    timestamptz NOT NULL,
  PRIMARY KEY (run_id, trigger_type)
);
