namespace Shipinator.Tests;

public sealed class WaitReasonTests
{
    private static readonly DateTimeOffset At = new(2026, 5, 4, 12, 30, 5, TimeSpan.FromHours(2));
    private static readonly CancelRequest ByAda = new(At, Reason.CanceledByUser, "Canceled.", "token:ada");
    private static readonly CancelRequest ByLimit = new(At, Reason.Timeout, "Too long.", "system");

    public static TheoryData<WaitReason, string> Described =>
        new()
        {
            { WaitReason.Other("A text of an older silo."), "A text of an older silo." },
            {
                WaitReason.Unknown,
                "Unknown: the server that runs it does not respond. If it stays unreachable, another server takes over within seconds."
            },
            { WaitReason.Start(), "Waiting to start" },
            { WaitReason.Start("stage"), "Waiting for its stage to start" },
            { WaitReason.RepositoryTurn("main", 7, 0), "Waiting for its turn in group \"main\" (run #7 is active)" },
            { WaitReason.RepositoryTurn("main", 7, 2), "Waiting for its turn in group \"main\" (run #7 is active, 2 ahead)" },
            { WaitReason.SupersededBy("main", 9), "Superseded by run #9 of group \"main\"" },
            { WaitReason.EarlierJobs(["build", "test"]), "Waiting for jobs: build, test" },
            { WaitReason.EarlierSteps(["compile"]), "Waiting for steps: compile" },
            { WaitReason.Jobs(["build"]), "Running jobs: build" },
            { WaitReason.Steps(["compile", "lint"]), "Running steps: compile, lint" },
            { WaitReason.Retry(2, At), "Waiting to start attempt 2 at 10:30:05 UTC" },
            { WaitReason.PreviousAttempt("Step a was lost."), "Waiting for its previous attempt to end: Step a was lost." },
            { WaitReason.CancelConfirmation(ByAda, "jobs"), "Waiting for its jobs to stop (cancel requested by ada)" },
            { WaitReason.CancelConfirmation(ByLimit, "executions"), "Waiting for its executions to stop (timeout)" },
            {
                WaitReason.CancelConfirmation(ByAda),
                "Waiting for the executor to confirm that it is no longer running (cancel requested by ada)"
            },
            { WaitReason.Slot("process"), "Waiting for a slot on executor \"process\"" },
            { WaitReason.Slot("process", 3, 8), "Waiting for a slot on executor \"process\" (3 ahead, limit 8)" },
            { WaitReason.Executor("kubernetes", "503."), "Waiting for executor \"kubernetes\": 503." },
            { WaitReason.Executor("kubernetes", "503.", 4), "Waiting for executor \"kubernetes\" (attempt 4): 503." },
            { WaitReason.Runner, "Waiting for its runner to claim it" },
            { WaitReason.RunnerSilent(At), "No heartbeat from its runner since 10:30:05 UTC" },
            { WaitReason.Scheduling(), "Waiting for a node" },
            { WaitReason.Scheduling("0/3 nodes."), "Waiting for a node: 0/3 nodes." },
            { WaitReason.Image("alpine:3", "Back-off"), "Waiting for image alpine:3: Back-off" },
            { WaitReason.Container(), "Waiting for its containers to start" },
            { WaitReason.Container("step-0", "CrashLoopBackOff"), "Waiting for container step-0 to start: CrashLoopBackOff" },
            { WaitReason.Service("db"), "Waiting for service db to become ready" },
            { WaitReason.Checkout, "Waiting for the checkout of its source" },
            { WaitReason.Disruption("drained"), "About to be stopped by the platform: drained" },
            { WaitReason.Worker(), "Waiting for its worker to be created" },
            { WaitReason.Worker("exceeded quota: few"), "Waiting for its worker to be created: exceeded quota: few" },
        };

    [Theory]
    [MemberData(nameof(Described))]
    public void Describe_GivesOneLine(WaitReason reason, string words) => Assert.Equal(words, reason.Describe());

    [Fact]
    public void EveryKind_IsDescribed() =>
        Assert.Equal(Enum.GetValues<WaitKind>(), Described.Select(d => d.Data.Item1.Kind).Distinct().Order());

    [Fact]
    public void Describe_KindOfANewerSilo_IsItsDetail()
    {
        Assert.Equal("text", new WaitReason { Kind = (WaitKind)999, Detail = "text" }.Describe());
        Assert.Equal("Waiting", new WaitReason { Kind = (WaitKind)999 }.Describe());
    }

    [Fact]
    public void Word_IsSnakeCase() => Assert.Equal("cancel_confirmation", WaitKind.CancelConfirmation.Word());
}
