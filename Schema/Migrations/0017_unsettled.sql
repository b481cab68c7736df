-- What has ended while something that follows its end (a sealed log, a place or a worker given back, a turn passed on) is not
-- done yet. Written in the transaction of the end and removed when all is done, so that a silo that dies in between is found
-- out. What ended before this table existed, or on an older silo, counts as settled.
CREATE TABLE unsettled (
  id      uuid PRIMARY KEY,
  machine text NOT NULL CHECK (machine IN ('run', 'job', 'execution'))
);

-- A runner that was told to stop by somebody else: {report, at}. Set while the executor may still say by whom.
ALTER TABLE executions ADD COLUMN stop_report jsonb;
