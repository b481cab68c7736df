namespace Shipinator.Grains.Executions;

/// <summary>Selects the artifacts for a step's input.</summary>
internal static class InputChoice
{
    /// <summary>
    /// Those of successful executions; with <c>of_failed</c> those of each step's last attempt, whether it succeeded or failed. An artifact
    /// that is named by its id counts in any case.
    /// </summary>
    public static IReadOnlyList<ArtifactEntry> Of(InputSpec input, IEnumerable<ArtifactCandidate> candidates) =>
        [.. candidates.Where(c => Counts(input, c)).Select(c => c.Artifact)];

    private static bool Counts(InputSpec input, ArtifactCandidate candidate)
    {
        if (input.ArtifactId is not null)
        {
            return true;
        }

        return input.OfFailed == true
            ? candidate.IsLastAttempt && candidate.Status is (Status.Success or Status.Failed)
            : candidate.Status == Status.Success;
    }
}
