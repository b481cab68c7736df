-- Lists of runs with two or three of the filters status, branch and event. Each filter may match much of an old history while together
-- they match little: with the indexes of 0018 alone such a list reads the whole table. Each of these takes about 20 MB per 300,000 runs
-- and a few seconds per million runs to build, during which runs can't be written.
CREATE INDEX pipeline_runs_status_event_idx             ON pipeline_runs (status, event, id);
CREATE INDEX pipeline_runs_branch_status_event_idx      ON pipeline_runs (branch, status, event, id);
CREATE INDEX pipeline_runs_project_status_event_idx     ON pipeline_runs (project_id, status, event, id);
CREATE INDEX pipeline_runs_project_branch_status_idx    ON pipeline_runs (project_id, branch, status, event, id);
CREATE INDEX pipeline_runs_repository_status_event_idx  ON pipeline_runs (repository_id, status, event, id);
CREATE INDEX pipeline_runs_repository_branch_status_idx ON pipeline_runs (repository_id, branch, status, event, id);
CREATE INDEX pipeline_runs_pipeline_status_event_idx    ON pipeline_runs (pipeline_id, status, event, id);
CREATE INDEX pipeline_runs_pipeline_branch_status_idx   ON pipeline_runs (pipeline_id, branch, status, event, id);
