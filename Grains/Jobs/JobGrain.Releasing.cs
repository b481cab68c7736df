using Microsoft.Extensions.Logging;
using Shipinator.Grains.Executions;

namespace Shipinator.Grains.Jobs;

/// <summary>What is given back: the workers of attempts that are over.</summary>
public sealed partial class JobGrain
{
    /// <summary>However long an executor wants to be left alone: a worker that nobody needs still costs its place.</summary>
    private static readonly TimeSpan LongestReleaseWait = TimeSpan.FromMinutes(2);
    private readonly HashSet<int> _released = [];
    private readonly Dictionary<int, (int Failures, DateTimeOffset NotBefore)> _unreleased = [];

    /// <summary>
    /// A fault here delays nothing else, and is tried again later and later: when the executor is away, every job that ends
    /// meanwhile waits for it. Returns when there is something to be tried again; null: there is not.
    /// </summary>
    private async Task<TimeSpan?> ReleaseWorkersAsync(CancellationToken cancellationToken)
    {
        var row = Row!;
        foreach (
            var attempt in row
                .Steps.Select(s => s.JobAttempt)
                .Distinct()
                .Where(a => a < row.Attempt || row.Life.IsTerminal)
                .Where(a => !_released.Contains(a))
                .ToList()
        )
        {
            var before = _unreleased.GetValueOrDefault(attempt);
            if (before.NotBefore > Now)
            {
                continue;
            }

            try
            {
                await ReleaseWorkerAsync(row, attempt, cancellationToken);
                _released.Add(attempt);
                _unreleased.Remove(attempt);
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                var failures = before.Failures + 1;
                var asked = (e as ExecutorException)?.RetryAfter;
                var wait = ExecutionLogic.Backoff(failures, Options.RetryDelay, asked, LongestReleaseWait, Random.Shared.NextDouble());
                _unreleased[attempt] = (failures, Now + wait);
                ReleaseDelayed(Id, attempt, failures, wait.TotalSeconds, e.Message);
            }
        }

        return _unreleased.Count == 0 ? null : _unreleased.Values.Min(u => u.NotBefore) - Now;
    }

    /// <summary>
    /// Through an execution that was handed over: one that was begun in the job's row may never have been written, when its own grain
    /// could not be reached before the stop, while one beside it has made the worker.
    /// </summary>
    private async Task ReleaseWorkerAsync(JobRecord row, int attempt, CancellationToken cancellationToken)
    {
        foreach (
            var execution in row.Steps.Where(s => s.JobAttempt == attempt).SelectMany(s => s.Executions.Take(s.Started)).Select(Execution)
        )
        {
            try
            {
                await execution.Get(cancellationToken);
            }
            catch (NotFoundException)
            {
                continue;
            }

            await execution.ReleaseWorker(cancellationToken);
            return;
        }
    }

    /// <inheritdoc/>
    private protected override Lifecycle LifeOf(JobRecord row) => row.Life;

    /// <inheritdoc/>
    private protected override IReadOnlyList<SettlePart> AfterEnd(JobRecord row) =>
        row.Steps.Any(s => s.Started > 0) ? [new("workers", ReleaseWorkersAsync)] : [];

    [LoggerMessage(
        1202,
        LogLevel.Information,
        "The worker of job {Id}, attempt {Attempt}, could not be given back (try {Try}); it will be tried again in {Seconds} s: {Message}"
    )]
    private partial void ReleaseDelayed(JobId id, int attempt, int @try, double seconds, string message);
}
