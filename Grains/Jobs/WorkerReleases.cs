using Microsoft.Extensions.Logging;
using Shipinator.Grains.Executions;

namespace Shipinator.Grains.Jobs;

/// <summary>
/// Releases the workers of a job's ended attempts. A failure delays nothing else and is retried with exponential backoff, because every
/// ended job retries while the executor is unavailable.
/// </summary>
internal sealed partial class WorkerReleases(TimeProvider time, TimeSpan retryDelay, ILogger logger)
{
    /// <summary>The upper bound of the executor's <c>RetryAfter</c>: an unneeded worker still occupies resources.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(2);
    private readonly HashSet<int> _released = [];
    private readonly Dictionary<int, (int Failures, DateTimeOffset NotBefore)> _failed = [];

    /// <summary>Releases what is due. Returns the delay before a retry; null: all of <paramref name="attempts"/> are released.</summary>
    public async Task<TimeSpan?> RunAsync(
        JobId job,
        IEnumerable<int> attempts,
        Func<int, CancellationToken, Task> release,
        CancellationToken cancellationToken
    )
    {
        foreach (var attempt in attempts.Where(a => !_released.Contains(a)).ToList())
        {
            var before = _failed.GetValueOrDefault(attempt);
            if (before.NotBefore > time.GetUtcNow())
            {
                continue;
            }

            try
            {
                await release(attempt, cancellationToken);
                _released.Add(attempt);
                _failed.Remove(attempt);
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                var failures = before.Failures + 1;
                var retryAfter = (e as ExecutorException)?.RetryAfter;
                var wait = ExecutionLogic.Backoff(failures, retryDelay, retryAfter, LongestWait, Random.Shared.NextDouble());
                _failed[attempt] = (failures, time.GetUtcNow() + wait);
                ReleaseDelayed(job, attempt, failures, wait.TotalSeconds, e.Message);
            }
        }

        return _failed.Count == 0 ? null : _failed.Values.Min(f => f.NotBefore) - time.GetUtcNow();
    }

    [LoggerMessage(
        1202,
        LogLevel.Information,
        "The worker of job {Id}, attempt {Attempt}, could not be released ({Failures} failures); retrying in {Seconds} s: {Message}"
    )]
    private partial void ReleaseDelayed(JobId id, int attempt, int failures, double seconds, string message);
}
