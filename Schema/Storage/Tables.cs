using Shipinator.Schema.Queries;
using static Shipinator.Schema.Storage.Column;

namespace Shipinator.Schema.Storage;

/// <summary>A row of a run, with the version that its grain has read and its JSON columns (first write only).</summary>
internal sealed record RunRow(RunRecord Record, int Expected, string PlanJson, string JobsJson);

/// <summary>A row of a job; the position and the JSON are used by the first write only.</summary>
internal sealed record JobRow(JobRecord Record, int Expected, int Position, string SpecJson);

/// <summary>A row of a step.</summary>
internal sealed record StepRow(StepRecord Record, JobId Job, StepPlan Plan);

/// <summary>A row of an execution; the JSON is used by the first write only.</summary>
internal sealed record ExecutionRow(ExecutionRecord Record, int Expected, string SpecJson);

/// <summary>The mark of something that has ended and is not settled yet.</summary>
internal sealed record UnsettledRow(Guid Id, Machine Machine);

/// <summary>The statements that write records to the specification's tables.</summary>
internal static class Tables
{
    private static readonly Column<RunRow>[] RunChanging =
    [
        .. Life<RunRow>(r => r.Record.Life),
        TimeOrNull<RunRow>("finished_at", r => r.Record.Life.FinishedAt),
        .. Cancel<RunRow>(r => r.Record.Cancel),
    ];

    private static readonly Column<JobRow>[] JobChanging =
    [
        .. Life<JobRow>(r => r.Record.Life),
        TimeOrNull<JobRow>("finished_at", r => r.Record.Life.FinishedAt),
        Number<JobRow>("attempt", r => r.Record.Attempt),
        TimeOrNull<JobRow>("not_before", r => r.Record.NotBefore),
        Text<JobRow>("restart_because", r => r.Record.RestartBecause),
        .. Cancel<JobRow>(r => r.Record.Cancel),
    ];

    private static readonly Column<ExecutionRow>[] ExecutionChanging =
    [
        .. Life<ExecutionRow>(r => r.Record.Life),
        TimeOrNull<ExecutionRow>("completed_at", r => r.Record.Life.FinishedAt),
        Time<ExecutionRow>("submitted_at", r => r.Record.SubmittedAt),
        Text<ExecutionRow>("claimed_by", r => r.Record.ClaimedBy),
        NumberOrNull<ExecutionRow>("exit_code", r => r.Record.ExitCode),
        Text<ExecutionRow>("logs_uri", r => r.Record.LogsUri),
        JsonOrNull<ExecutionRow>("stop_report", r => r.Record.Stopped is { } stopped ? PlanJson.Serialize(stopped) : null),
        .. Cancel<ExecutionRow>(r => r.Record.Cancel),
    ];

    public static readonly Statement<RunRow> FirstRun = Statement<RunRow>.First(
        "pipeline_runs",
        [
            Uuid<RunRow>("id", r => r.Record.Id.Value),
            Uuid<RunRow>("pipeline_id", r => r.Record.PipelineId.Value),
            Text<RunRow>("git_ref", r => r.Record.Source.Ref),
            Text<RunRow>("git_sha", r => r.Record.Source.Commit),
            Time<RunRow>("created_at", r => r.Record.Life.CreatedAt),
            Uuid<RunRow>("repository_id", r => r.Record.RepositoryId.Value),
            Uuid<RunRow>("project_id", r => r.Record.ProjectId.Value),
            Text<RunRow>("project_name", r => r.Record.ProjectName),
            Text<RunRow>("repository_name", r => r.Record.RepositoryName),
            Long<RunRow>("run_number", r => r.Record.RunNumber),
            Text<RunRow>("clone_url", r => r.Record.Source.CloneUrl),
            Text<RunRow>("executor", r => r.Record.Executor),
            Text<RunRow>("event", r => r.Record.Plan.Trigger.Event),
            Text<RunRow>("branch", r => r.Record.Plan.Trigger.Branch),
            Text<RunRow>("commit_message", r => r.Record.Plan.Trigger.Message),
            Text<RunRow>("commit_author", r => r.Record.Plan.Trigger.Author),
            Text<RunRow>("actor", r => r.Record.Actor),
            UuidOrNull<RunRow>("rerun_of", r => r.Record.RerunOf?.Value),
            Text<RunRow>("idempotency_key", r => r.Record.IdempotencyKey),
            Text<RunRow>("note", r => r.Record.Note),
            NumberOrNull<RunRow>("pr_number", r => r.Record.Plan.Trigger.PrNumber),
            Text<RunRow>("tag", r => r.Record.Plan.Trigger.Tag),
            JsonOrNull<RunRow>("origin", r => ForgeFacts.Of(r.Record.Plan.Trigger) is { } origin ? PlanJson.Serialize(origin) : null),
            Json<RunRow>("plan", r => r.PlanJson),
            Json<RunRow>("jobs", r => r.JobsJson),
            .. RunChanging,
        ]
    );

    public static readonly Statement<RunRow> NextRun = Statement<RunRow>.Next(
        "pipeline_runs",
        [Uuid<RunRow>("id", r => r.Record.Id.Value), Number<RunRow>("expected", r => r.Expected), .. RunChanging]
    );

    public static readonly Statement<JobRow> FirstJob = Statement<JobRow>.First(
        "jobs",
        [
            Uuid<JobRow>("id", r => r.Record.Id.Value),
            Uuid<JobRow>("pipeline_run_id", r => r.Record.Spec.RunId.Value),
            Text<JobRow>(
                "job_type",
                r =>
                    r.Record.Spec.Plan.Type switch
                    {
                        JobType.Build => "build",
                        JobType.Test => "test",
                        JobType.Deploy => "deploy",
                        var other => other.ToString(),
                    }
            ),
            Text<JobRow>("name", r => r.Record.Spec.Plan.Name),
            Time<JobRow>("created_at", r => r.Record.Life.CreatedAt),
            Number<JobRow>("position", r => r.Position),
            Json<JobRow>("spec", r => r.SpecJson),
            UuidOrNull<JobRow>("reused_from", r => r.Record.ReusedFrom?.Value),
            .. JobChanging,
        ]
    );

    public static readonly Statement<JobRow> NextJob = Statement<JobRow>.Next(
        "jobs",
        [Uuid<JobRow>("id", r => r.Record.Id.Value), Number<JobRow>("expected", r => r.Expected), .. JobChanging]
    );

    /// <summary>A job's write includes all its steps; unchanged ones are compared, not written.</summary>
    public static readonly Statement<StepRow> Steps = Statement<StepRow>.Guarded(
        "job_steps",
        """
        (t.sequence, t.started, t.exit_code, t.not_before, t.executions)
        IS DISTINCT FROM (excluded.sequence, excluded.started, excluded.exit_code, excluded.not_before, excluded.executions)
        """,
        [
            Uuid<StepRow>("id", r => r.Record.Id.Value),
            Uuid<StepRow>("job_id", r => r.Job.Value),
            Text<StepRow>("name", r => r.Plan.Name),
            Number<StepRow>("execution_order", r => r.Plan.Order),
            Text<StepRow>("parallel_group", r => r.Plan.ParallelGroup),
            Time<StepRow>("created_at", r => r.Record.Life.CreatedAt),
            Number<StepRow>("position", r => r.Record.Index),
            Number<StepRow>("job_attempt", r => r.Record.JobAttempt),
        ],
        [
            .. Life<StepRow>(r => r.Record.Life),
            TimeOrNull<StepRow>("finished_at", r => r.Record.Life.FinishedAt),
            Uuids<StepRow>("executions", r => r.Record.Executions.Select(e => e.Value)),
            Number<StepRow>("started", r => r.Record.Started),
            TimeOrNull<StepRow>("not_before", r => r.Record.NotBefore),
            NumberOrNull<StepRow>("exit_code", r => r.Record.ExitCode),
        ]
    );

    public static readonly Statement<ExecutionRow> FirstExecution = Statement<ExecutionRow>.First(
        "executions",
        [
            Uuid<ExecutionRow>("id", r => r.Record.Id.Value),
            Uuid<ExecutionRow>("job_step_id", r => r.Record.Spec.StepId.Value),
            Text<ExecutionRow>("executor_type", r => r.Record.ExecutorType),
            Text<ExecutionRow>("external_id", r => r.Record.ExternalId),
            Uuid<ExecutionRow>("job_id", r => r.Record.Spec.Worker.JobId.Value),
            Uuid<ExecutionRow>("pipeline_run_id", r => r.Record.Spec.Worker.RunId.Value),
            Uuid<ExecutionRow>("project_id", r => r.Record.Spec.Worker.ProjectId.Value),
            Number<ExecutionRow>("attempt", r => r.Record.Spec.Attempt),
            Json<ExecutionRow>("spec", r => r.SpecJson),
            Time<ExecutionRow>("created_at", r => r.Record.Life.CreatedAt),
            .. ExecutionChanging,
        ]
    );

    public static readonly Statement<ExecutionRow> NextExecution = Statement<ExecutionRow>.Next(
        "executions",
        [Uuid<ExecutionRow>("id", r => r.Record.Id.Value), Number<ExecutionRow>("expected", r => r.Expected), .. ExecutionChanging]
    );

    public static readonly Statement<Transition> Transitions = Statement<Transition>.Append(
        "state_transitions",
        Text<Transition>("machine", t => t.Machine.Word()),
        Uuid<Transition>("entity_id", t => t.EntityId),
        Uuid<Transition>("run_id", t => t.RunId.Value),
        Number<Transition>("sequence", t => t.Sequence),
        Time<Transition>("at", t => t.At),
        Text<Transition>("from_status", t => t.From?.Word()),
        Text<Transition>("to_status", t => t.To.Word()),
        Text<Transition>("reason", t => t.Reason?.Word()),
        Text<Transition>("detail", t => t.Detail),
        Text<Transition>("actor", t => t.Actor)
    );

    public static readonly Statement<UnsettledRow> Unsettled = Statement<UnsettledRow>.AppendOnce(
        "unsettled",
        Uuid<UnsettledRow>("id", u => u.Id),
        Text<UnsettledRow>("machine", u => u.Machine.Word())
    );

    public static readonly Statement<Guid> Settled = Statement<Guid>.Remove("unsettled", Uuid<Guid>("id", id => id));
}
