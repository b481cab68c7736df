namespace Shipinator.Grains.Executions;

/// <summary>
/// Schedules the calls of an execution to its executor: soon after a change, at growing intervals while nothing changes, and never
/// before the executor's <c>RetryAfter</c>. Kept in memory: a new activation submits again, which is idempotent.
/// </summary>
internal sealed class PollSchedule(TimeProvider time, EngineOptions options)
{
    private const double Slowdown = 1.5;

    /// <summary>For how many polls after the end the runner's report is awaited.</summary>
    private const int PollsForReport = 2;

    private TimeSpan _interval = options.PollFirst;
    private DateTimeOffset _next;
    private DateTimeOffset _notBefore;
    private int _endsSeen;

    /// <summary>Whether this activation has submitted the execution.</summary>
    public bool IsSubmitted { get; private set; }

    /// <summary>The number of consecutive submits that failed with a transient error.</summary>
    public int SubmitFailures { get; private set; }

    /// <summary>Whether a call to the executor is due.</summary>
    public bool IsDue => time.GetUtcNow() >= Due;

    /// <summary>The time until the next call; zero or less: now.</summary>
    public TimeSpan Left => Due - time.GetUtcNow();

    private DateTimeOffset Due => _next > _notBefore ? _next : _notBefore;

    /// <summary>Schedules the next call as soon as the executor's <c>RetryAfter</c> allows.</summary>
    public void PollNow() => _next = default;

    /// <summary>Records that the executor accepted the execution.</summary>
    public void Submitted()
    {
        IsSubmitted = true;
        SubmitFailures = 0;
        _interval = options.PollFirst;
        _next = time.GetUtcNow() + _interval;
    }

    /// <summary>
    /// Records a transient error of the submit; <paramref name="dice"/>, a random number from 0 to 1, is the jitter.
    /// </summary>
    public void SubmitFailed(TimeSpan? retryAfter, double dice)
    {
        SubmitFailures++;
        Delay(SubmitFailures, options.RetryDelay, retryAfter, dice);
    }

    /// <summary>Records a transient error of a poll.</summary>
    public void PollFailed(TimeSpan? retryAfter, double dice)
    {
        Slower();
        Delay(1, TimeSpan.Zero, retryAfter, dice);
    }

    /// <summary>Records that the execution has not ended; <paramref name="changed"/>: its wait reason changed.</summary>
    public void Running(bool changed)
    {
        if (changed)
        {
            _interval = options.PollFirst;
        }

        _endsSeen = 0;
        Slower();
    }

    /// <summary>
    /// Records that the execution has ended. Returns true while the runner's report (exit code, artifacts) is still awaited: for two polls.
    /// </summary>
    public bool WaitsForReport()
    {
        _interval = options.PollFirst;
        if (++_endsSeen > PollsForReport)
        {
            return false;
        }

        _next = time.GetUtcNow() + options.PollFirst;
        return true;
    }

    /// <summary>Records that a cancel is not confirmed yet, which keeps polls frequent.</summary>
    public void Canceling()
    {
        _interval = options.PollFirst / 4;
        Slower();
    }

    /// <summary>Records that the executor has not explained a stop yet.</summary>
    public void Explaining() => _next = time.GetUtcNow() + (options.PollFirst / 4);

    private void Slower()
    {
        _next = time.GetUtcNow() + _interval;
        var longer = _interval * Slowdown;
        _interval = longer > options.PollSlowest ? options.PollSlowest : longer;
    }

    private void Delay(int failures, TimeSpan first, TimeSpan? retryAfter, double dice) =>
        _notBefore = time.GetUtcNow() + ExecutionLogic.Backoff(failures, first, retryAfter, options.SubmitTimeout, dice);
}
