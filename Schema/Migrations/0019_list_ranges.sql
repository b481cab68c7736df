-- Lists of runs with a status, a branch or an event: the runs of each status and event that the filters include, merged in order. Each of
-- these ranges is a part of one index, so that a list reads little however rarely the values of its filters occur together (failed runs of
-- an old branch).
--
-- Nothing else can provide such a list, so that the planner has no choice to get wrong. A condition on the expression fits these indexes
-- only; the word "all" makes that of all runs another one than that of the runs of a project, repository or pipeline, whose indexes begin
-- with its id. The order NULLS FIRST is that of ids, which are never null, but not one of the primary key or of another index. Status and
-- event are words, so that no two ranges have the same text, whatever the branch is.
--
-- Eight indexes take the place of twelve, so that each change of a run writes four entries fewer than before. They are dropped here, not
-- in a later release, because no release has them: with both, each change would write twenty. An older server finds the same runs without
-- them, only by reading more, so this file does not begin with the word of those that older servers refuse.
CREATE INDEX pipeline_runs_project_branch_ranges_idx
  ON pipeline_runs (project_id, (status || ' ' || event || ' ' || branch), id NULLS FIRST);
CREATE INDEX pipeline_runs_repository_branch_ranges_idx
  ON pipeline_runs (repository_id, (status || ' ' || event || ' ' || branch), id NULLS FIRST);
CREATE INDEX pipeline_runs_pipeline_branch_ranges_idx
  ON pipeline_runs (pipeline_id, (status || ' ' || event || ' ' || branch), id NULLS FIRST);
CREATE INDEX pipeline_runs_branch_ranges_idx
  ON pipeline_runs (('all ' || status || ' ' || event || ' ' || branch), id NULLS FIRST);
CREATE INDEX pipeline_runs_project_ranges_idx
  ON pipeline_runs (project_id, (status || ' ' || event), id NULLS FIRST);
CREATE INDEX pipeline_runs_repository_ranges_idx
  ON pipeline_runs (repository_id, (status || ' ' || event), id NULLS FIRST);
CREATE INDEX pipeline_runs_pipeline_ranges_idx
  ON pipeline_runs (pipeline_id, (status || ' ' || event), id NULLS FIRST);
CREATE INDEX pipeline_runs_ranges_idx
  ON pipeline_runs (('all ' || status || ' ' || event), id NULLS FIRST);

DROP INDEX pipeline_runs_status_idx;
DROP INDEX pipeline_runs_branch_idx;
DROP INDEX pipeline_runs_event_idx;
DROP INDEX pipeline_runs_project_status_idx;
DROP INDEX pipeline_runs_project_branch_idx;
DROP INDEX pipeline_runs_project_event_idx;
DROP INDEX pipeline_runs_repository_status_idx;
DROP INDEX pipeline_runs_repository_branch_idx;
DROP INDEX pipeline_runs_repository_event_idx;
DROP INDEX pipeline_runs_pipeline_status_idx;
DROP INDEX pipeline_runs_pipeline_branch_idx;
DROP INDEX pipeline_runs_pipeline_event_idx;

-- A range needs no statistics of combinations.
DROP STATISTICS pipeline_runs_filters_stat;
DROP STATISTICS pipeline_runs_project_filters_stat;
DROP STATISTICS pipeline_runs_repository_filters_stat;
DROP STATISTICS pipeline_runs_pipeline_filters_stat;
ANALYZE pipeline_runs;
