using Shipinator.Grains.Executions;

namespace Shipinator.Grains.Tests.Logic;

public sealed class InputChoiceTests
{
    private static readonly InputSpec Input = new() { Type = "binary", Path = "in" };

    [Theory]
    [InlineData(Status.Success, true, true)]
    [InlineData(Status.Success, false, true)]
    [InlineData(Status.Failed, true, false)]
    [InlineData(Status.Canceled, true, false)]
    [InlineData(Status.Running, true, false)]
    public void Of_AnOrdinaryInput_AreTheArtifactsOfSuccessfulExecutions(Status status, bool isLast, bool counts) =>
        Assert.Equal(counts, Counts(Input, status, isLast));

    [Theory]
    [InlineData(Status.Success, true, true)]
    [InlineData(Status.Success, false, false)]
    [InlineData(Status.Failed, true, true)]
    [InlineData(Status.Failed, false, false)]
    [InlineData(Status.Canceled, true, false)]
    [InlineData(Status.Running, true, false)]
    public void Of_AnInputAfterFailures_AreTheArtifactsOfTheLastAttempt(Status status, bool isLast, bool counts) =>
        Assert.Equal(counts, Counts(Input with { OfFailed = true }, status, isLast));

    [Theory]
    [InlineData(Status.Failed, false)]
    [InlineData(Status.Running, true)]
    public void Of_AnArtifactNamedById_CountsInAnyCase(Status status, bool isLast) =>
        Assert.True(Counts(Input with { ArtifactId = ArtifactId.New(TimeProvider.System) }, status, isLast));

    private static bool Counts(InputSpec input, Status status, bool isLast)
    {
        var artifact = new ArtifactEntry
        {
            Id = ArtifactId.New(TimeProvider.System),
            JobId = JobId.New(TimeProvider.System),
            ExecutionId = ExecutionId.New(TimeProvider.System),
            StepName = "step",
            Type = "binary",
            FileName = "app",
        };
        var chosen = InputChoice.Of(input, [new(artifact, status, isLast)]);
        Assert.True(chosen.Count == 0 || chosen[0] == artifact);
        return chosen.Count == 1;
    }
}
