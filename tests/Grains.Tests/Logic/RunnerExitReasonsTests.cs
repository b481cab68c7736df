using Shipinator.Grains.Executions;

namespace Shipinator.Grains.Tests.Logic;

public sealed class RunnerExitReasonsTests
{
    [Theory]
    [InlineData(3, true, Reason.Lost, "another runner had claimed the step")]
    [InlineData(3, false, Reason.Lost, "token")]
    [InlineData(4, true, Reason.ExecutorError, "using its folder")]
    [InlineData(4, false, Reason.ExecutorError, "using its folder")]
    public void Explain_ExitCodeOfTheRunner_IsNotTheCommands(int code, bool claimed, Reason reason, string words)
    {
        var told = RunnerExitReasons.Explain(Seen(code), claimed);
        Assert.Equal((Status.Failed, reason, null), (told.Status, told.Reason, told.ExitCode));
        Assert.Contains(words, told.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Explain_AnyOtherStatus_IsUnchanged() =>
        Assert.All(
            [
                Seen(1),
                Seen(137),
                Seen(3) with
                {
                    IsFromRunner = true,
                },
                Seen(3) with
                {
                    Reason = Reason.OomKilled,
                },
                new() { Status = Status.Success, ExitCode = 0 },
            ],
            s => Assert.Equal(s, RunnerExitReasons.Explain(s, claimed: true))
        );

    private static ExecutionStatus Seen(int code) =>
        new()
        {
            Status = Status.Failed,
            Reason = Reason.ExitCode,
            ExitCode = code,
            Detail = $"The container exited with code {code}.",
        };
}
