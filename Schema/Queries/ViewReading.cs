using Npgsql;

namespace Shipinator.Schema.Queries;

/// <summary>Maps rows to views.</summary>
internal static class ViewReading
{
    public const string RunSelect = """
        SELECT r.id, r.pipeline_id, p.name AS pipeline_name, r.repository_id, r.repository_name, r.project_id, r.project_name, r.run_number,
               r.git_ref, r.git_sha, r.event, r.branch, r.tag, r.pr_number, r.origin,
               r.commit_message, r.commit_author, r.executor, r.actor, r.rerun_of, r.status,
               r.reason, r.detail, r.cancel_requested_at, r.cancel_reason, r.cancel_detail, r.cancel_actor, r.created_at, r.started_at,
               r.finished_at, r.version, r.note
        FROM pipeline_runs r JOIN pipelines p ON p.id = r.pipeline_id
        """;

    public const string JobColumns =
        "id, pipeline_run_id, job_type, name, attempt, status, reason, detail, reused_from, not_before, cancel_requested_at, "
        + "cancel_reason, cancel_detail, cancel_actor, created_at, started_at, finished_at, version";

    public const string StepColumns =
        "id, job_id, name, job_attempt, position, execution_order, parallel_group, status, reason, detail, exit_code, not_before, "
        + "created_at, started_at, finished_at";

    public const string ExecutionColumns =
        "id, job_step_id, job_id, pipeline_run_id, project_id, attempt, executor_type, external_id, status, reason, detail, exit_code, "
        + "logs_uri, cancel_requested_at, cancel_reason, cancel_detail, cancel_actor, created_at, submitted_at, started_at, completed_at, "
        + "version";

    public static RunView Run(NpgsqlDataReader r) =>
        new()
        {
            Id = new(r.Uuid("id")),
            PipelineId = new(r.Uuid("pipeline_id")),
            PipelineName = r.Text("pipeline_name"),
            RepositoryId = new(r.Uuid("repository_id")),
            RepositoryName = r.Text("repository_name"),
            ProjectId = new(r.Uuid("project_id")),
            ProjectName = r.Text("project_name"),
            RunNumber = r.Long("run_number"),
            GitRef = r.Text("git_ref"),
            GitSha = r.Text("git_sha"),
            Event = r.Text("event"),
            Branch = r.TextOrNull("branch"),
            Tag = r.TextOrNull("tag"),
            PrNumber = r.NumberOrNull("pr_number"),
            Origin = r.TextOrNull("origin") is { } origin ? PlanJson.Deserialize<ForgeFacts>(origin) : null,
            CommitMessage = r.TextOrNull("commit_message"),
            CommitAuthor = r.TextOrNull("commit_author"),
            Executor = r.Text("executor"),
            Actor = r.Text("actor"),
            RerunOf = r.UuidOrNull("rerun_of") is { } rerun ? new RunId(rerun) : null,
            Status = r.Status(),
            Reason = r.ReasonOrNull(),
            Detail = r.TextOrNull("detail"),
            Note = r.TextOrNull("note"),
            Cancel = r.Cancel(),
            CreatedAt = r.Time("created_at"),
            StartedAt = r.TimeOrNull("started_at"),
            FinishedAt = r.TimeOrNull("finished_at"),
            Version = r.Number("version"),
        };

    public static JobView Job(NpgsqlDataReader r) =>
        new()
        {
            Id = new(r.Uuid("id")),
            RunId = new(r.Uuid("pipeline_run_id")),
            Type = r.Text("job_type"),
            Name = r.Text("name"),
            Attempt = r.Number("attempt"),
            Status = r.Status(),
            Reason = r.ReasonOrNull(),
            Detail = r.TextOrNull("detail"),
            ReusedFrom = r.UuidOrNull("reused_from") is { } reused ? new JobId(reused) : null,
            NotBefore = r.TimeOrNull("not_before"),
            Cancel = r.Cancel(),
            CreatedAt = r.Time("created_at"),
            StartedAt = r.TimeOrNull("started_at"),
            FinishedAt = r.TimeOrNull("finished_at"),
            Version = r.Number("version"),
        };

    public static StepView Step(NpgsqlDataReader r) =>
        new()
        {
            Id = new(r.Uuid("id")),
            JobId = new(r.Uuid("job_id")),
            Name = r.Text("name"),
            JobAttempt = r.Number("job_attempt"),
            Position = r.Number("position"),
            ExecutionOrder = r.NumberOrNull("execution_order"),
            ParallelGroup = r.TextOrNull("parallel_group"),
            Status = r.Status(),
            Reason = r.ReasonOrNull(),
            Detail = r.TextOrNull("detail"),
            ExitCode = r.NumberOrNull("exit_code"),
            NotBefore = r.TimeOrNull("not_before"),
            CreatedAt = r.Time("created_at"),
            StartedAt = r.TimeOrNull("started_at"),
            FinishedAt = r.TimeOrNull("finished_at"),
        };

    public static ExecutionView Execution(NpgsqlDataReader r) =>
        new()
        {
            Id = new(r.Uuid("id")),
            StepId = new(r.Uuid("job_step_id")),
            JobId = new(r.Uuid("job_id")),
            RunId = new(r.Uuid("pipeline_run_id")),
            ProjectId = new(r.Uuid("project_id")),
            Attempt = r.Number("attempt"),
            ExecutorType = r.Text("executor_type"),
            ExternalId = r.Text("external_id"),
            Status = r.Status(),
            Reason = r.ReasonOrNull(),
            Detail = r.TextOrNull("detail"),
            ExitCode = r.NumberOrNull("exit_code"),
            LogsUri = r.TextOrNull("logs_uri"),
            Cancel = r.Cancel(),
            CreatedAt = r.Time("created_at"),
            SubmittedAt = r.Time("submitted_at"),
            StartedAt = r.TimeOrNull("started_at"),
            CompletedAt = r.TimeOrNull("completed_at"),
            Version = r.Number("version"),
        };

    public static Transition Transition(NpgsqlDataReader r) =>
        new()
        {
            Machine = Words.ParseMachine(r.Text("machine")),
            EntityId = r.Uuid("entity_id"),
            RunId = new(r.Uuid("run_id")),
            Sequence = r.Number("sequence"),
            At = r.Time("at"),
            From = r.TextOrNull("from_status") is { } from ? Words.ParseStatus(from) : null,
            To = r.Status("to_status"),
            Reason = r.ReasonOrNull(),
            Detail = r.TextOrNull("detail"),
            Actor = r.Text("actor"),
        };
}
