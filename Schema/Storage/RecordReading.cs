using System.Collections.Immutable;
using Npgsql;
using Shipinator.Schema.Queries;

namespace Shipinator.Schema.Storage;

/// <summary>Maps rows to records.</summary>
internal static class RecordReading
{
    public static RunRecord Run(NpgsqlDataReader r) =>
        new()
        {
            Id = new(r.Uuid("id")),
            PipelineId = new(r.Uuid("pipeline_id")),
            RepositoryId = new(r.Uuid("repository_id")),
            ProjectId = new(r.Uuid("project_id")),
            ProjectName = r.Text("project_name"),
            RepositoryName = r.Text("repository_name"),
            RunNumber = r.Long("run_number"),
            Source = new()
            {
                CloneUrl = r.Text("clone_url"),
                Ref = r.Text("git_ref"),
                Commit = r.Text("git_sha"),
            },
            Executor = r.Text("executor"),
            Plan = r.Json<RunPlan>("plan"),
            Jobs = r.Json<ImmutableArray<RunJob>>("jobs"),
            RerunOf = r.UuidOrNull("rerun_of") is { } rerun ? new RunId(rerun) : null,
            IdempotencyKey = r.TextOrNull("idempotency_key"),
            Actor = r.Text("actor"),
            Note = r.TextOrNull("note"),
            Life = Life(r, Machine.Run, "finished_at"),
            Cancel = r.Cancel(),
        };

    public static JobRecord Job(NpgsqlDataReader r) =>
        new()
        {
            Id = new(r.Uuid("id")),
            Spec = r.Json<JobSpec>("spec"),
            Life = Life(r, Machine.Job, "finished_at"),
            Attempt = r.Number("attempt"),
            Steps = [],
            Cancel = r.Cancel(),
            NotBefore = r.TimeOrNull("not_before"),
            RestartBecause = r.TextOrNull("restart_because"),
            ReusedFrom = r.UuidOrNull("reused_from") is { } reused ? new JobId(reused) : null,
        };

    public static StepRecord Step(NpgsqlDataReader r) =>
        new()
        {
            Id = new(r.Uuid("id")),
            JobAttempt = r.Number("job_attempt"),
            Index = r.Number("position"),
            Life = Life(r, Machine.Step, "finished_at"),
            Executions = [.. r.GetFieldValue<Guid[]>(r.GetOrdinal("executions")).Select(e => new ExecutionId(e))],
            Started = r.Number("started"),
            NotBefore = r.TimeOrNull("not_before"),
            ExitCode = r.NumberOrNull("exit_code"),
        };

    public static ExecutionRecord Execution(NpgsqlDataReader r) =>
        new()
        {
            Id = new(r.Uuid("id")),
            Spec = r.Json<ExecutionSpec>("spec"),
            ExecutorType = r.Text("executor_type"),
            ExternalId = r.Text("external_id"),
            Life = Life(r, Machine.Execution, "completed_at"),
            SubmittedAt = r.Time("submitted_at"),
            ClaimedBy = r.TextOrNull("claimed_by"),
            ExitCode = r.NumberOrNull("exit_code"),
            LogsUri = r.TextOrNull("logs_uri"),
            Cancel = r.Cancel(),
            Stopped = r.TextOrNull("stop_report") is { } stopped ? PlanJson.Deserialize<StopReport>(stopped) : null,
        };

    private static Lifecycle Life(NpgsqlDataReader r, Machine machine, string finishedAt) =>
        Lifecycle.Restore(
            machine,
            r.Status(),
            r.ReasonOrNull(),
            r.TextOrNull("detail"),
            r.Time("created_at"),
            r.TimeOrNull("started_at"),
            r.TimeOrNull(finishedAt),
            r.Time("updated_at"),
            r.Number("sequence")
        );
}
