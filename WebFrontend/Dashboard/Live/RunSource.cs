using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Shipinator.Schema.Queries;

namespace Shipinator.WebFrontend.Dashboard.Live;

/// <summary>A run with all below it, at one moment.</summary>
/// <param name="Run">The run.</param>
/// <param name="Jobs">Jobs in the plan's order, with steps, executions and artifacts.</param>
/// <param name="Waiting">What each thing that is not over waits for, by its id.</param>
/// <param name="Typical">How long this pipeline takes, by its history.</param>
public sealed record RunSnapshot(RunView Run, IReadOnlyList<JobView> Jobs, ImmutableDictionary<Guid, string> Waiting, TimeSpan? Typical)
{
    /// <summary>Whether a screen would look the same: rows have versions, steps change with their jobs.</summary>
    public bool Equals(RunSnapshot? other) =>
        other is not null
        && Run.Id == other.Run.Id
        && Run.Version == other.Run.Version
        && Typical == other.Typical
        && Jobs.SequenceEqual(other.Jobs, ReferenceEqualityComparer.Instance)
        && Waiting.Count == other.Waiting.Count
        && Waiting.All(w => other.Waiting.GetValueOrDefault(w.Key) == w.Value);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Run.Id, Run.Version);
}

/// <summary>Reads runs for screens, by the queries and grains that <c>/v1</c> asks.</summary>
public sealed class RunSource(RunQueries runs, TrendQueries trends, Waiting waiters, IChangeFeed feed) : IViewSource<RunId, RunSnapshot>
{
    /// <summary>What something waits for can change without a transition; 3 s is what people are promised.</summary>
    private static readonly TimeSpan WaitingRefresh = TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    public async Task<RunSnapshot> ReadAsync(RunId key, RunSnapshot? previous, CancellationToken cancellationToken)
    {
        var run = await runs.GetAsync(key, cancellationToken) ?? throw new NotFoundException("pipeline run", key.ToString());
        var typical = previous is null ? await trends.MedianDurationAsync(run.PipelineId, cancellationToken) : previous.Typical;
        var jobs = Keep(previous?.Jobs, await runs.JobsAsync(key, cancellationToken));
        var waiting = await waiters.OfAsync(run, jobs, cancellationToken);
        return new(run, jobs, waiting, typical);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<bool> ChangesAsync(RunId key, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var _ in feed.Changes(key, cancellationToken))
        {
            yield return true;
        }
    }

    /// <summary>What has not changed stays the same object, so that screens see at a glance what to draw again.</summary>
    private static List<JobView> Keep(IReadOnlyList<JobView>? known, IReadOnlyList<JobView> read)
    {
        var before = known?.ToDictionary(j => j.Id) ?? [];
        return
        [
            .. read.Select(j =>
                before.GetValueOrDefault(j.Id) is { } same && same.Version == j.Version && Marks(same).SequenceEqual(Marks(j)) ? same : j
            ),
        ];
    }

    /// <summary>Steps change with their job's row; executions and what they leave do not.</summary>
    private static IEnumerable<(ExecutionId, int, int)> Marks(JobView job) =>
        from step in job.Steps
        from execution in step.Executions
        select (execution.Id, execution.Version, execution.Artifacts.Count);

    /// <inheritdoc/>
    public TimeSpan? RefreshAfter(RunSnapshot view) => view?.Run.Status.IsTerminal() == false ? WaitingRefresh : null;
}
