namespace Shipinator.Grains.Executions;

/// <summary>
/// When an execution calls its executor next: soon after something changed, later and later while nothing does, and never before the
/// executor wants to be called. It is kept in memory: a new activation submits again, which the executor takes for the same.
/// </summary>
internal sealed class PollSchedule(TimeProvider time, EngineOptions options)
{
    private const double Slowdown = 1.5;

    /// <summary>How many polls that see an end wait for the runner's report.</summary>
    private const int PollsForReport = 2;

    private TimeSpan _interval = options.PollFirst;
    private DateTimeOffset _next;
    private DateTimeOffset _notBefore;
    private int _endsSeen;

    /// <summary>Whether this activation has submitted the execution.</summary>
    public bool IsSubmitted { get; private set; }

    /// <summary>How often the submit failed with a transient error since it last succeeded.</summary>
    public int SubmitFailures { get; private set; }

    /// <summary>Whether the executor is to be called now.</summary>
    public bool IsDue => time.GetUtcNow() >= Due;

    /// <summary>How long until the executor is to be called; zero or less: now.</summary>
    public TimeSpan Left => Due - time.GetUtcNow();

    private DateTimeOffset Due => _next > _notBefore ? _next : _notBefore;

    /// <summary>Something changed: call the executor as soon as it wants to be called.</summary>
    public void PollNow() => _next = default;

    /// <summary>The executor took the execution.</summary>
    public void Submitted()
    {
        IsSubmitted = true;
        SubmitFailures = 0;
        _interval = options.PollFirst;
        _next = time.GetUtcNow() + _interval;
    }

    /// <summary>
    /// The submit failed with a transient error; <paramref name="dice"/>, from 0 to 1, spreads those that failed together.
    /// </summary>
    public void SubmitFailed(TimeSpan? retryAfter, double dice)
    {
        SubmitFailures++;
        Delay(SubmitFailures, options.RetryDelay, retryAfter, dice);
    }

    /// <summary>A poll failed with a transient error.</summary>
    public void PollFailed(TimeSpan? retryAfter, double dice)
    {
        Slower();
        Delay(1, TimeSpan.Zero, retryAfter, dice);
    }

    /// <summary>A poll saw that the execution has not ended; <paramref name="changed"/>: it waits for something else than before.</summary>
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
    /// A poll saw the end. Its report, with exit code and artifacts, is on its way and gets two polls' time. True: it still has time.
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

    /// <summary>A cancel is not confirmed yet: polls stay frequent.</summary>
    public void Canceling()
    {
        _interval = options.PollFirst / 4;
        Slower();
    }

    /// <summary>The executor has not explained a stop yet.</summary>
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
