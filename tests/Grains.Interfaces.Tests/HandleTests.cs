namespace Shipinator.Tests;

/// <summary>What names an execution and its worker to an executor.</summary>
public sealed class HandleTests
{
    private static readonly JobId Job = new(Guid.Parse("01900000-0000-7000-8000-000000000004"));

    [Fact]
    public void Handle_OfASpec_NamesItsWorkerAndItsStep()
    {
        var spec = Spec(step: 1, attempt: 3);
        var handle = ExecutionHandle.Of(spec, "kubernetes");
        Assert.Equal(
            new(
                "kubernetes",
                "ship-01900000000070008000000000000004-2-s1-3",
                spec.ExecutionId,
                Job,
                2,
                spec.StepId,
                "ship-01900000000070008000000000000004-2",
                1
            ),
            handle
        );
        Assert.Equal(spec.Worker.ExternalName, handle.WorkerName);
        Assert.InRange(handle.ExternalId.Length, 1, 63);
    }

    [Fact]
    public void Handle_OfAStepOfAnotherWorker_IsRejected()
    {
        var spec = Spec(step: 0, attempt: 1) with { StepId = StepId.New(TimeProvider.System) };
        var error = Assert.Throws<ArgumentException>(() => ExecutionHandle.Of(spec, "process"));
        Assert.Contains(spec.StepId.ToString(), error.Message, StringComparison.Ordinal);
        Assert.Contains(spec.Worker.ExternalName, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WorkerName_Parsed_IsTheJobAndAttempt()
    {
        Assert.True(WorkerName.TryParse(WorkerName.Of(Job, 12), out var job, out var attempt));
        Assert.Equal((Job, 12), (job, attempt));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("ship-01900000000070008000000000000004")]
    [InlineData("ship-01900000000070008000000000000004-x")]
    [InlineData("ship-01900000000070008000000000000004-01")]
    [InlineData("ship-01900000000070008000000000000004-1-s0-1")]
    [InlineData("ship-0190000000007000800000000000000A-1")]
    [InlineData("ship-short-1")]
    [InlineData("shop-01900000000070008000000000000004-1")]
    public void WorkerName_AnythingElse_IsNotParsed(string? name) => Assert.False(WorkerName.TryParse(name, out _, out _));

    private static ExecutionSpec Spec(int step, int attempt)
    {
        var worker = new Samples(flag: true).Of<WorkerSpec>() with { JobId = Job, Attempt = 2 };
        return new Samples(flag: true).Of<ExecutionSpec>() with { StepId = worker.Steps[step].StepId, Attempt = attempt, Worker = worker };
    }
}
