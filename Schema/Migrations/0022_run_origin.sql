-- Where a run comes from: {pr_title, pr_url, head_branch, head_repository, base_commit, before, compare_url, sender, is_fork}. A small
-- copy of the plan's trigger, so that lists need not read whole plans. Older runs have none.
ALTER TABLE pipeline_runs ADD COLUMN pr_number integer;
ALTER TABLE pipeline_runs ADD COLUMN tag text;
ALTER TABLE pipeline_runs ADD COLUMN origin jsonb;

-- Partial: a run of a branch has no entry in either.
CREATE INDEX pipeline_runs_repository_pr_idx  ON pipeline_runs (repository_id, pr_number, id) WHERE pr_number IS NOT NULL;
CREATE INDEX pipeline_runs_repository_tag_idx ON pipeline_runs (repository_id, tag, id) WHERE tag IS NOT NULL;
