namespace Shipinator.Grains.Executions;

/// <summary>
/// Measures the time since a runner's last heartbeat. Heartbeats arrive every few seconds, so they are kept in memory and never stored.
/// Durations use monotonic timestamps, which don't advance while the machine is suspended and are not affected by clock changes.
/// </summary>
internal sealed class RunnerSilence(TimeProvider time, TimeSpan limit)
{
    /// <summary>A silence is shown from this length on; a runner sends a heartbeat every 5 s.</summary>
    private static readonly TimeSpan ShownAfter = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The last part of a silence must be observed while this process runs: after a freeze, heartbeats may be queued but not yet processed.
    /// </summary>
    private static readonly TimeSpan ProofTime = TimeSpan.FromSeconds(15);

    private long _heard = time.GetTimestamp();
    private DateTimeOffset _heardAt = time.GetUtcNow();

    /// <summary>When the silence was first observed to be close to its limit.</summary>
    private long? _doubted;

    /// <summary>The wait reason to show; null while the silence is shorter than 30 s.</summary>
    public WaitReason? Shown => time.GetElapsedTime(_heard) >= ShownAfter ? WaitReason.RunnerSilent(_heardAt) : null;

    /// <summary>Whether heartbeats are expected: only while the execution runs. Only the executor confirms a requested cancel.</summary>
    public static bool IsExpected(ExecutionRecord? row) => row is { Life.Status: Status.Running, Cancel: null, Stopped: null };

    /// <summary>Records a heartbeat, which ends the silence.</summary>
    public void Heard()
    {
        _heard = time.GetTimestamp();
        _heardAt = time.GetUtcNow();
        _doubted = null;
    }

    /// <summary>The time until the next check; zero or less: the limit is exceeded, as confirmed by a second check.</summary>
    public TimeSpan Left()
    {
        var proof = limit / 2 < ProofTime ? limit / 2 : ProofTime;
        var left = limit - time.GetElapsedTime(_heard);
        if (left > proof)
        {
            return left - proof;
        }

        _doubted ??= time.GetTimestamp();
        var unproven = proof - time.GetElapsedTime(_doubted.Value);
        return unproven > left ? unproven : left;
    }
}
