using Shipinator.Grains.Executions;
using Shipinator.Grains.Jobs;
using Shipinator.Grains.Tests.Engine;

namespace Shipinator.Grains.Tests.Logic;

/// <summary>Rows of executions, without Orleans.</summary>
internal static class Given
{
    public static DateTimeOffset At { get; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static ExecutionRecord Pending()
    {
        var log = Log();
        var plan = Plans.Job("j", JobType.Build, Plans.Step("a"), Plans.Step("b"));
        var job = JobLogic.Start(Plans.Record(plan, At), log, TimeProvider.System);
        var spec = ExecutionSpecFactory.Create(job, job.Steps[1], job.Steps[1].Executions[0], new("http://ci.example"));
        return ExecutionLogic.Create(new(spec, "fake", IsDeploy: false), log);
    }

    public static ExecutionRecord Submitted() => ExecutionLogic.Submit(Pending(), Log());

    public static ExecutionRecord Running(string runner) => ExecutionLogic.Claim(Submitted(), runner, Log());

    private static TransitionLog Log() => new(RunId.New(TimeProvider.System), At, "system");
}
