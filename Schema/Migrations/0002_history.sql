-- Every transition of every machine, appended in the transaction that changes the row it explains.
-- No foreign keys: entity_id names rows of four tables, and nothing but the storage writes here.
CREATE TABLE state_transitions (
  machine     text        NOT NULL CHECK (machine IN ('run', 'job', 'step', 'execution')),
  entity_id   uuid        NOT NULL,
  run_id      uuid        NOT NULL,
  sequence    integer     NOT NULL,
  at          timestamptz NOT NULL,
  from_status text,
  to_status   text        NOT NULL,
  reason      text,
  detail      text,
  actor       text        NOT NULL,
  -- The reading cursor is (transaction, position). A position alone is given before its transaction commits, so a reader
  -- could pass one that becomes visible later; readers stop before the oldest transaction that is still open.
  transaction xid8        NOT NULL DEFAULT pg_current_xact_id(),
  position    bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (entity_id, sequence)
);

CREATE INDEX state_transitions_run_id_idx ON state_transitions (run_id, transaction, position);

-- Refuses a batch in which a row had another version than its writer knew, or was there already.
CREATE FUNCTION shipinator_expect(written bigint, expected bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF written <> expected THEN
    RAISE EXCEPTION 'version conflict: % of % rows written', written, expected USING ERRCODE = 'SHP01';
  END IF;
END
$$;
