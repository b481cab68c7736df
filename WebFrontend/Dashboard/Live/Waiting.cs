using System.Collections.Immutable;
using Shipinator.Schema.Queries;

namespace Shipinator.WebFrontend.Dashboard.Live;

/// <summary>
/// What things wait for, by their owners' word. Owners may be out of reach for as long as it takes to notice that their server died: a
/// reading never fails for that, and never waits long; it says so in the place of their word.
/// </summary>
public sealed class Waiting(IGrainFactory grains, TimeProvider time)
{
    /// <summary>The owner answers from memory, in milliseconds; one that takes longer is not answering.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>Of a run and what is below it, by id; nothing of what is over.</summary>
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

    /// <summary>Of one run alone; null when it does not wait.</summary>
    public async Task<WaitReason?> OfAsync(RunId run, CancellationToken cancellationToken) =>
        await AskAsync(t => grains.GetGrain<IPipelineRunGrain>(run.Value).WaitReasons(t), cancellationToken) is (true, { } known)
            ? known.GetValueOrDefault(run.Value)
            : WaitReason.Unknown;

    /// <summary>Of an execution that is not over; null when it does not wait.</summary>
    public async Task<WaitReason?> OfAsync(ExecutionId execution, CancellationToken cancellationToken) =>
        await AskAsync(t => grains.GetGrain<IExecutionGrain>(execution.Value).GetWaitReason(t), cancellationToken) is (true, var why)
            ? why
            : WaitReason.Unknown;

    /// <summary>What a grain says; null when it can't be asked now. Errors: only that the caller gave up.</summary>
    public async Task<T?> TryAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
        where T : class => (await AskAsync(ask, cancellationToken)).Answer;

    /// <summary>The first value says whether there was an answer. Errors: only that the caller gave up.</summary>
    private async Task<(bool IsKnown, T? Answer)> AskAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            var answer = ask(patience.Token);
            // Nobody may be left to look at how it ends.
            _ = answer.ContinueWith(
                static a => a.Exception,
                CancellationToken.None,
                TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default
            );
            return (true, await answer.WaitAsync(Patience, time, cancellationToken));
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            await patience.CancelAsync();
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
