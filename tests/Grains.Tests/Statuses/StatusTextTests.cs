using CsCheck;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Statuses;

namespace Shipinator.Grains.Tests.Statuses;

/// <summary>What a status says: one public sentence of at most 140 characters.</summary>
public sealed class StatusTextTests
{
    private static readonly DateTimeOffset Start = new(2031, 3, 15, 13, 0, 0, TimeSpan.Zero);

    private static StatusRun Run(Status status, params StatusJob[] jobs) =>
        new(status, null, null, Start, Start.AddSeconds(125)) { Jobs = jobs };

    private static StatusJob Job(string name, Status status, Reason? reason = null, StatusStep? step = null, bool isReused = false) =>
        new(name, status, reason, isReused, step);

    [Fact]
    public void Run_PendingOrRunning_SaysWhatItDoes()
    {
        Assert.Equal((CommitState.Pending, "Queued"), StatusText.Of(Run(Status.Pending)));
        Assert.Equal((CommitState.Pending, "Running"), StatusText.Of(Run(Status.Running, Job("build", Status.Pending))));
        Assert.Equal(
            (CommitState.Pending, "Running: test (2 of 3 jobs done)"),
            StatusText.Of(Run(Status.Running, Job("lint", Status.Skipped), Job("build", Status.Success), Job("test", Status.Running)))
        );
        Assert.Equal(
            (CommitState.Pending, "Running: a and 2 more (0 of 3 jobs done)"),
            StatusText.Of(Run(Status.Running, Job("a", Status.Running), Job("b", Status.Running), Job("c", Status.Running)))
        );
    }

    [Fact]
    public void Run_ThatSucceeded_CountsJobs()
    {
        Assert.Equal(
            (CommitState.Success, "2 jobs succeeded, 1 skipped in 2 min 5 s"),
            StatusText.Of(
                Run(
                    Status.Success,
                    Job("a", Status.Success),
                    Job("b", Status.Skipped, Reason.Condition, isReused: true),
                    Job("c", Status.Skipped)
                )
            )
        );
    }

    [Fact]
    public void Run_InWhichNothingRan_IsASuccessWithTheReason() =>
        Assert.Equal(
            (CommitState.Success, "Skipped: the commit message says [ci skip]"),
            StatusText.Of(
                Run(Status.Success, Job("a", Status.Skipped, Reason.Condition)) with
                {
                    Reason = Reason.Condition,
                    Detail = "the commit message says [ci skip]",
                }
            )
        );

    [Theory]
    [InlineData(Reason.ExitCode, 1, CommitState.Failure, "test / unit failed: exit code 1")]
    [InlineData(Reason.Timeout, null, CommitState.Failure, "test / unit failed: time limit exceeded")]
    [InlineData(Reason.OomKilled, 137, CommitState.Failure, "test / unit failed: memory limit exceeded")]
    [InlineData(Reason.ConfigError, null, CommitState.Error, "test / unit failed: configuration error")]
    [InlineData(Reason.Lost, null, CommitState.Error, "test / unit failed: worker lost")]
    [InlineData(Reason.Evicted, null, CommitState.Error, "test / unit failed: stopped by the platform")]
    [InlineData(Reason.ImagePull, null, CommitState.Error, "test / unit failed: image can't be pulled")]
    [InlineData(Reason.Unschedulable, null, CommitState.Error, "test / unit failed: no machine was free in time")]
    [InlineData(Reason.ExecutorError, null, CommitState.Error, "test / unit failed: infrastructure error")]
    [InlineData(Reason.ArtifactMissing, null, CommitState.Failure, "test / unit failed: artifact missing")]
    public void Run_ThatFailed_NamesTheStepAndTheReason(Reason reason, int? exitCode, CommitState state, string text) =>
        Assert.Equal(
            (state, text),
            StatusText.Of(
                Run(Status.Failed, Job("build", Status.Success), Job("test", Status.Failed, reason, new("unit", reason, exitCode))) with
                {
                    Reason = reason,
                    Detail = "test: token hunter2 is wrong on 10.0.0.7",
                }
            )
        );

    [Fact]
    public void EveryReason_HasWords() =>
        Assert.All(
            Enum.GetValues<Reason>(),
            reason =>
            {
                var (_, text) = StatusText.Of(Run(Status.Failed, Job("a", Status.Failed, reason)) with { Reason = reason });
                Assert.DoesNotContain("_", text, StringComparison.Ordinal);
            }
        );

    [Fact]
    public void Run_WithSeveralFailures_NamesTheFirstAndCountsTheOthers() =>
        Assert.Equal(
            (CommitState.Failure, "a failed: time limit exceeded (and 1 job more)"),
            StatusText.Of(Run(Status.Failed, Job("a", Status.Failed, Reason.Timeout), Job("b", Status.Failed, Reason.ExitCode)))
        );

    [Fact]
    public void Run_WhosePipelineFileIsInvalid_ShowsTheError() =>
        Assert.Equal(
            (CommitState.Error, "The pipeline file has errors: line 3, column 5: expected a list."),
            StatusText.Of(Run(Status.Failed) with { Reason = Reason.ConfigError, Detail = "line 3, column 5: expected a list." })
        );

    [Theory]
    [InlineData(Reason.CanceledByUser, "Canceled")]
    [InlineData(Reason.Superseded, "Canceled: superseded by a newer run")]
    public void Run_ThatWasCanceled_IsAFailure_WithoutTheName(Reason reason, string text) =>
        Assert.Equal(
            (CommitState.Failure, text),
            StatusText.Of(Run(Status.Canceled) with { Reason = reason, Detail = "Canceled by Ada." })
        );

    [Theory]
    [InlineData("a\r\nb\tc\u2028d", "a  b c d")]
    [InlineData("a\u202Eb\u200Bc", "abc")]
    [InlineData("  a  ", "a")]
    public void Fit_HostileText_IsOneReadableLine(string text, string expected) => Assert.Equal(expected, StatusText.Fit(text));

    [Fact]
    public void Fit_LongText_EndsWithAnEllipsisAndCutsNoCharacter()
    {
        Assert.Equal("\uFFFD", StatusText.Fit("\ud83d"));
        Assert.Equal(new string('a', 139) + "…", StatusText.Fit(new string('a', 141)));
        Assert.Equal(new string('a', 140), StatusText.Fit(new string('a', 140)));
        Assert.Equal(new string('a', 138) + "…", StatusText.Fit(new string('a', 138) + "😀😀"));
    }

    [Fact]
    public void Fit_AnyText_IsAtMost140CharactersWithoutControls() =>
        Gen.String.Sample(text =>
        {
            var fit = StatusText.Fit(text);
            Assert.True(fit.Length <= StatusText.MaxLength);
            Assert.DoesNotContain(fit, char.IsControl);
            Assert.Equal(fit, StatusText.Fit(fit));
        });

    [Fact]
    public void Run_WithAnyNames_StaysBelowTheLimit() =>
        Gen.Select(Gen.String[0, 300], Gen.String[0, 300])
            .Sample(
                (job, step) =>
                {
                    foreach (var status in new[] { Status.Running, Status.Failed, Status.Success })
                    {
                        var run = Run(status, Job(job, status, Reason.ExitCode, new(step, Reason.ExitCode, 1)));
                        Assert.InRange(StatusText.Of(run).Description.Length, 1, StatusText.MaxLength);
                    }
                }
            );
}
