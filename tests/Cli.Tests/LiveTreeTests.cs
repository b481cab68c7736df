using Microsoft.Extensions.Time.Testing;
using Shipinator.Cli.Runs;
using Shipinator.Client;

namespace Shipinator.Cli.Tests;

/// <summary>The live tree of jobs and steps.</summary>
public sealed class LiveTreeTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));

    [Fact]
    public void Lines_RunningRun_ShowStatesDurationsAndProgress()
    {
        var tree = new LiveTree(_time);
        tree.Add([Job("build", "compile", "pack"), Job("test", "unit")]);
        tree.Apply(Move("build", "running"));
        tree.Apply(Move("compile", "running"));
        _time.Advance(TimeSpan.FromSeconds(2));
        tree.Apply(Move("compile", "success"));
        tree.Apply(Move("pack", "running"));
        _time.Advance(TimeSpan.FromSeconds(1.5));
        Assert.Equal(
            [
                "▶ build      3.5s",
                "  ✓ compile  2.0s",
                "  ▶ pack     1.5s",
                "• test",
                "  • unit",
                "━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ 1/3 steps  3.5s",
            ],
            tree.Lines(20).Select(l => l.Text)
        );
    }

    [Fact]
    public void Lines_MoreThanFit_KeepRunningJobsAndTheProgressBar()
    {
        var tree = new LiveTree(_time);
        tree.Add([.. Enumerable.Range(0, 6).Select(i => Job($"job{i}", $"a{i}", $"b{i}"))]);
        tree.Apply(Move("job2", "running"));
        var lines = tree.Lines(9).Select(l => l.Text.Trim()).ToList();
        Assert.Equal(["• job0", "• job1", "▶ job2  0.0s", "• a2", "• b2", "• job3", "• job4", "• job5"], lines[..^1]);
        Assert.EndsWith("0/12 steps  0.0s", lines[^1], StringComparison.Ordinal);
        Assert.Equal(5, tree.Lines(5).Count);
        Assert.Contains("… 5 more", tree.Lines(5)[3].Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Lines_WithoutJobs_AreOnlyTheProgressBar() => Assert.Single(new LiveTree(_time).Lines(10));

    private TransitionResponse Move(string id, string to) =>
        new()
        {
            Cursor = "1",
            Machine = "step",
            EntityId = id,
            Sequence = 1,
            At = _time.GetUtcNow(),
            To = to,
            Actor = "system",
        };

    private JobResponse Job(string name, params string[] steps) =>
        new()
        {
            Id = name,
            Name = name,
            JobType = "build",
            Attempt = 1,
            Status = "pending",
            CreatedAt = _time.GetUtcNow(),
            Steps =
            [
                .. steps.Select(
                    (s, i) =>
                        new StepResponse
                        {
                            Id = s,
                            Name = s,
                            JobAttempt = 1,
                            ExecutionOrder = i,
                            Status = "pending",
                            CreatedAt = _time.GetUtcNow(),
                            Executions = [],
                        }
                ),
            ],
        };
}
