-- Somebody who types a run's number does not say of which repository. A number never changes, so that no later write touches this.
CREATE INDEX pipeline_runs_run_number_idx ON pipeline_runs (run_number, id);
