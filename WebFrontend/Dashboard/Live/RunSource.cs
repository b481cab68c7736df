using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Shipinator.Schema.Queries;

namespace Shipinator.WebFrontend.Dashboard.Live;

/// <summary>A run with its jobs, at one point in time.</summary>
/// <param name="Run">The run.</param>
/// <param name="Jobs">Jobs in the order of the plan, with steps, executions and artifacts.</param>
/// <param name="Waiting">What each run, job, step and execution that is not terminal is waiting for, by its id.</param>
/// <param name="MedianDuration">The median duration of the last successful runs of the pipeline; null without any.</param>
public sealed record RunSnapshot(
    RunView Run,
    IReadOnlyList<JobView> Jobs,
    ImmutableDictionary<Guid, WaitReason> Waiting,
    TimeSpan? MedianDuration
)
{
    /// <summary>The errors of the pipeline file, for which the run has failed.</summary>
    public IReadOnlyList<FileError> FileErrors { get; init; } = [];

    /// <summary>Whether a page would look the same: rows have versions, and steps change with their jobs.</summary>
    public bool Equals(RunSnapshot? other) =>
        other is not null
        && Run.Id == other.Run.Id
        && Run.Version == other.Run.Version
        && MedianDuration == other.MedianDuration
        && Jobs.SequenceEqual(other.Jobs, ReferenceEqualityComparer.Instance)
        && Waiting.Count == other.Waiting.Count
        && Waiting.All(w => other.Waiting.GetValueOrDefault(w.Key) == w.Value);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Run.Id, Run.Version);
}

/// <summary>Reads a run through the same queries and grains as <c>/v1</c>.</summary>
public sealed class RunSource(RunQueries runs, TrendQueries trends, WaitReasonLookup waitReasons, IChangeFeed feed)
    : IViewSource<RunId, RunSnapshot>
{
    /// <summary>What something is waiting for can change without a transition, and is shown at most 3 s late.</summary>
    private static readonly TimeSpan WaitingRefresh = TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    public async Task<RunSnapshot> ReadAsync(RunId key, RunSnapshot? previous, CancellationToken cancellationToken)
    {
        var run = await runs.GetAsync(key, cancellationToken) ?? throw new NotFoundException("pipeline run", key.ToString());
        var median = previous is null ? await trends.MedianDurationAsync(run.PipelineId, cancellationToken) : previous.MedianDuration;
        var jobs = Keep(previous?.Jobs, await runs.JobsAsync(key, cancellationToken));
        var waiting = await waitReasons.OfAsync(run, jobs, cancellationToken);
        return new(run, jobs, waiting, median) { FileErrors = await FileErrorsAsync(run, jobs, cancellationToken) };
    }

    private async Task<IReadOnlyList<FileError>> FileErrorsAsync(RunView run, List<JobView> jobs, CancellationToken cancellationToken) =>
        run.Reason == Reason.ConfigError
        && jobs.Count == 0
        && (await runs.PlanAsync(run.Id, cancellationToken))?.FileErrors is { IsDefault: false } errors
            ? errors
            : [];

    /// <inheritdoc/>
    public async IAsyncEnumerable<bool> ChangesAsync(RunId key, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var _ in feed.Changes(key, cancellationToken))
        {
            yield return true;
        }
    }

    /// <summary>Unchanged jobs stay the same objects, so that components can skip rendering by comparing references.</summary>
    private static List<JobView> Keep(IReadOnlyList<JobView>? known, IReadOnlyList<JobView> read)
    {
        var before = known?.ToDictionary(j => j.Id) ?? [];
        return
        [
            .. read.Select(j =>
                before.GetValueOrDefault(j.Id) is { } same && same.Version == j.Version && Versions(same).SequenceEqual(Versions(j))
                    ? same
                    : j
            ),
        ];
    }

    /// <summary>The version of a job covers its steps, but not their executions and artifacts.</summary>
    private static IEnumerable<(ExecutionId, int, int)> Versions(JobView job) =>
        from step in job.Steps
        from execution in step.Executions
        select (execution.Id, execution.Version, execution.Artifacts.Count);

    /// <inheritdoc/>
    public TimeSpan? RefreshAfter(RunSnapshot view) => view?.Run.Status.IsTerminal() == false ? WaitingRefresh : null;
}
