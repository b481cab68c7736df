using System.Collections.Immutable;
using Shipinator.Schema.Queries;

namespace Shipinator.WebFrontend;

/// <summary>
/// Queries grains for what runs, jobs, steps and executions are waiting for. Grains may be unreachable until the cluster notices that their
/// server died: a request does not fail because of that and does not wait long; the result is <see cref="WaitReason.Unknown"/> instead.
/// </summary>
public sealed class WaitReasonLookup(IGrainFactory grains, TimeProvider time)
{
    /// <summary>A grain responds from memory, in milliseconds; one that takes longer counts as unreachable.</summary>
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);

    /// <summary>What a run and its jobs, steps and executions are waiting for, by id; empty for a terminal run.</summary>
    public async Task<ImmutableDictionary<Guid, WaitReason>> OfAsync(
        RunView run,
        IReadOnlyList<JobView> jobs,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(jobs);
        if (run.Status.IsTerminal())
        {
            return ImmutableDictionary<Guid, WaitReason>.Empty;
        }

        return await AskAsync(t => grains.GetGrain<IPipelineRunGrain>(run.Id.Value).WaitReasons(t), cancellationToken) is (true, { } known)
            ? known
            : Open(run, jobs).Distinct().ToImmutableDictionary(id => id, _ => WaitReason.Unknown);
    }

    /// <summary>What a run is waiting for; null when it is not waiting.</summary>
    public async Task<WaitReason?> OfAsync(RunId run, CancellationToken cancellationToken) =>
        await AskAsync(t => grains.GetGrain<IPipelineRunGrain>(run.Value).WaitReasons(t), cancellationToken) is (true, { } known)
            ? known.GetValueOrDefault(run.Value)
            : WaitReason.Unknown;

    /// <summary>What an execution that is not terminal is waiting for; null when it is not waiting.</summary>
    public async Task<WaitReason?> OfAsync(ExecutionId execution, CancellationToken cancellationToken) =>
        await AskAsync(t => grains.GetGrain<IExecutionGrain>(execution.Value).GetWaitReason(t), cancellationToken) is (true, var why)
            ? why
            : WaitReason.Unknown;

    /// <summary>The response of a grain; null when it is unreachable. Errors: only the cancellation by the caller.</summary>
    public async Task<T?> TryAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
        where T : class => (await AskAsync(ask, cancellationToken)).Response;

    /// <summary>The first value says whether the grain responded. Errors: only the cancellation by the caller.</summary>
    private async Task<(bool IsKnown, T? Response)> AskAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            var response = ask(timeout.Token);
            // After a timeout, nothing observes the task.
            _ = response.ContinueWith(
                static a => a.Exception,
                CancellationToken.None,
                TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default
            );
            return (true, await response.WaitAsync(Timeout, time, cancellationToken));
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            await timeout.CancelAsync();
            return (false, default);
        }
    }

    private static IEnumerable<Guid> Open(RunView run, IReadOnlyList<JobView> jobs) =>
        jobs.Where(j => !j.Status.IsTerminal())
            .Select(j => j.Id.Value)
            .Concat(jobs.SelectMany(j => j.Steps).Where(s => !s.Status.IsTerminal()).Select(s => s.Id.Value))
            .Concat(jobs.SelectMany(j => j.Steps).SelectMany(s => s.Executions).Where(e => !e.Status.IsTerminal()).Select(e => e.Id.Value))
            .Prepend(run.Id.Value);
}
