using Shipinator.Schema.Queries;

namespace Shipinator.WebFrontend.Tests.Dashboard;

/// <summary>Sample runs, jobs, steps and executions.</summary>
internal static class Given
{
    public static DateTimeOffset Noon { get; } = new(2030, 5, 17, 12, 0, 0, TimeSpan.Zero);

    public static RunView Run(Status status = Status.Running, Reason? reason = null, string? detail = null) =>
        new()
        {
            Id = RunId.New(TimeProvider.System),
            PipelineId = PipelineId.New(TimeProvider.System),
            PipelineName = "shop",
            RepositoryId = RepositoryId.New(TimeProvider.System),
            RepositoryName = "shop",
            ProjectId = ProjectId.New(TimeProvider.System),
            ProjectName = "market",
            RunNumber = 12,
            GitRef = "refs/heads/main",
            GitSha = "0123456789012345678901234567890123456789",
            Event = "push",
            Branch = "main",
            CommitMessage = "Charge once <b>only</b>\n\nA long story.",
            CommitAuthor = "Ada",
            Executor = "process",
            Actor = "token:ci",
            Status = status,
            Reason = reason,
            Detail = detail,
            CreatedAt = Noon,
            StartedAt = status == Status.Pending ? null : Noon.AddSeconds(1),
            FinishedAt = status.IsTerminal() ? Noon.AddSeconds(61) : null,
            Version = 1,
        };

    public static JobView Job(string name, Status status, params StepView[] steps) =>
        new()
        {
            Id = JobId.New(TimeProvider.System),
            RunId = RunId.New(TimeProvider.System),
            Type = "test",
            Name = name,
            Attempt = steps.Length == 0 ? 1 : steps.Max(s => s.JobAttempt),
            Status = status,
            CreatedAt = Noon,
            StartedAt = status == Status.Pending ? null : Noon.AddSeconds(1),
            FinishedAt = status.IsTerminal() ? Noon.AddSeconds(61) : null,
            Version = 1,
            Steps = steps,
        };

    public static StepView Step(
        string name,
        Status status,
        int order = 0,
        int attempt = 1,
        int? exitCode = null,
        params ExecutionView[] executions
    ) =>
        new()
        {
            Id = StepId.New(TimeProvider.System),
            JobId = JobId.New(TimeProvider.System),
            Name = name,
            JobAttempt = attempt,
            Position = order,
            ExecutionOrder = order,
            Status = status,
            ExitCode = exitCode,
            CreatedAt = Noon,
            StartedAt = status is Status.Pending or Status.Skipped ? null : Noon.AddSeconds(1),
            FinishedAt = status.IsTerminal() ? Noon.AddSeconds(31) : null,
            Executions = executions,
        };

    public static ExecutionView Execution(Status status, int attempt = 1, double from = 1, double? to = null) =>
        new()
        {
            Id = ExecutionId.New(TimeProvider.System),
            StepId = StepId.New(TimeProvider.System),
            JobId = JobId.New(TimeProvider.System),
            RunId = RunId.New(TimeProvider.System),
            ProjectId = ProjectId.New(TimeProvider.System),
            Attempt = attempt,
            ExecutorType = "process",
            ExternalId = "ship-x-1-s0-1",
            Status = status,
            CreatedAt = Noon,
            SubmittedAt = Noon.AddSeconds(from),
            StartedAt = Noon.AddSeconds(from),
            CompletedAt = to is { } end ? Noon.AddSeconds(end) : null,
            Version = 1,
        };
}
