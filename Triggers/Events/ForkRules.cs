namespace Shipinator.Triggers.Events;

/// <summary>
/// What a run of a commit from a fork may not do: deploy, or save a cache that later runs of the repository would trust. Secrets are
/// withheld where they are handed out.
/// </summary>
internal static class ForkRules
{
    private const string NoDeploy = "Deploy jobs do not run for pull requests from forks.";

    public static RunPlan Apply(RunPlan plan) =>
        plan with
        {
            Jobs =
            [
                .. plan.Jobs.Select(j =>
                    j with
                    {
                        SkipReason = j.SkipReason ?? (j.Type == JobType.Deploy ? NoDeploy : null),
                        Steps = [.. j.Steps.Select(s => s with { Cache = s.Cache is { } cache ? cache with { IsReadOnly = true } : null })],
                    }
                ),
            ],
        };
}
