-- Lists of runs with two filters: with one index for each, a list that finds little reads all that the commoner filter finds (the
-- failed runs of a repository that never fails, the scheduled runs of a project that has none), whatever the statistics say.
-- Each of these costs about 20 MB per 300,000 runs, three entries per run, and its making a few seconds per million runs, during
-- which runs can't be written.
CREATE INDEX pipeline_runs_project_status_idx    ON pipeline_runs (project_id, status, id);
CREATE INDEX pipeline_runs_project_branch_idx    ON pipeline_runs (project_id, branch, id);
CREATE INDEX pipeline_runs_project_event_idx     ON pipeline_runs (project_id, event, id);
CREATE INDEX pipeline_runs_repository_status_idx ON pipeline_runs (repository_id, status, id);
CREATE INDEX pipeline_runs_repository_branch_idx ON pipeline_runs (repository_id, branch, id);
CREATE INDEX pipeline_runs_repository_event_idx  ON pipeline_runs (repository_id, event, id);
CREATE INDEX pipeline_runs_pipeline_status_idx   ON pipeline_runs (pipeline_id, status, id);
CREATE INDEX pipeline_runs_pipeline_branch_idx   ON pipeline_runs (pipeline_id, branch, id);
CREATE INDEX pipeline_runs_pipeline_event_idx    ON pipeline_runs (pipeline_id, event, id);

-- With more filters the planner has to weigh them, and must know which of their values occur together.
CREATE STATISTICS pipeline_runs_filters_stat            (mcv) ON status, branch, event FROM pipeline_runs;
CREATE STATISTICS pipeline_runs_project_filters_stat    (mcv) ON project_id, status, branch, event FROM pipeline_runs;
CREATE STATISTICS pipeline_runs_repository_filters_stat (mcv) ON repository_id, status, branch, event FROM pipeline_runs;
CREATE STATISTICS pipeline_runs_pipeline_filters_stat   (mcv) ON pipeline_id, status, branch, event FROM pipeline_runs;
ANALYZE pipeline_runs;
