namespace Shipinator.Triggers.Runs;

/// <summary>How many runs may be requested in a minute.</summary>
public interface IRunLimits
{
    /// <summary>
    /// Counts one run of the actor and the repository. Errors: <see cref="RateLimitedException"/> when a limit is exhausted.
    /// </summary>
    void TakeRun(Actor actor, RepositoryId repository);
}
