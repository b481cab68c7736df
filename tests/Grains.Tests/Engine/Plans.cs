namespace Shipinator.Grains.Tests.Engine;

/// <summary>Short ways to write plans.</summary>
internal static class Plans
{
    public static StepPlan Step(string name, int order = 0) =>
        new()
        {
            Name = name,
            Order = order,
            Image = "alpine",
            Run = "true",
            Timeout = TimeSpan.FromMinutes(5),
        };

    /// <summary>Steps one after the other, unless they say otherwise.</summary>
    public static JobPlan Job(string name, JobType type, params StepPlan[] steps) =>
        new()
        {
            Name = name,
            Type = type,
            Timeout = TimeSpan.FromMinutes(10),
            Steps = [.. steps.Select((s, i) => s.ParallelGroup is null ? s with { Order = i } : s)],
        };

    public static RunPlan Of(params JobPlan[] jobs) =>
        new()
        {
            Trigger = new()
            {
                Event = "push",
                Ref = "refs/heads/main",
                Commit = new string('a', 40),
                Branch = "main",
            },
            Jobs = [.. jobs],
        };

    public static JobSpec Spec(JobPlan plan) =>
        new()
        {
            RunId = RunId.New(TimeProvider.System),
            ProjectId = ProjectId.New(TimeProvider.System),
            RepositoryId = RepositoryId.New(TimeProvider.System),
            RunNumber = 7,
            ProjectName = "shop",
            RepositoryName = "web",
            Source = new()
            {
                CloneUrl = "https://example.org/web.git",
                Ref = "refs/heads/main",
                Commit = new string('a', 40),
            },
            Trigger = Of(plan).Trigger,
            Executor = "fake",
            Plan = plan,
        };

    public static JobRecord Record(JobPlan plan, DateTimeOffset at) =>
        new()
        {
            Id = JobId.New(TimeProvider.System),
            Spec = Spec(plan),
            Life = Lifecycle.Begin(Machine.Job, at),
            Steps =
            [
                .. plan.Steps.Select(
                    (_, i) =>
                        new StepRecord
                        {
                            Id = StepId.New(TimeProvider.System),
                            JobAttempt = 1,
                            Index = i,
                            Life = Lifecycle.Begin(Machine.Step, at),
                        }
                ),
            ],
        };
}
