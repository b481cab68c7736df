namespace Shipinator.Grains.Executions;

/// <summary>
/// How long nothing was heard of a runner, by a clock alone. Signs of life come every few seconds, so they are kept in memory and never
/// stored. Durations are measured by timestamps: those stand still while the machine sleeps, and nobody sets them.
/// </summary>
internal sealed class RunnerSilence(TimeProvider time, TimeSpan limit)
{
    /// <summary>A runner speaks every 5 s: a silence that long is shown.</summary>
    private static readonly TimeSpan ShownAfter = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The last part of a silence must be seen awake: a server that was frozen finds heartbeats in its queue that nobody has read.
    /// </summary>
    private static readonly TimeSpan ProofTime = TimeSpan.FromSeconds(15);

    private long _heard = time.GetTimestamp();
    private DateTimeOffset _heardAt = time.GetUtcNow();

    /// <summary>When the silence was first seen to be nearly over its limit.</summary>
    private long? _doubted;

    /// <summary>What is shown of the silence; null while it is short.</summary>
    public WaitReason? Shown => time.GetElapsedTime(_heard) >= ShownAfter ? WaitReason.RunnerSilent(_heardAt) : null;

    /// <summary>Whether a runner is expected to speak: only while it runs. A cancel that is under way ends by the executor alone.</summary>
    public static bool IsExpected(ExecutionRecord? row) => row is { Life.Status: Status.Running, Cancel: null, Stopped: null };

    /// <summary>The runner spoke.</summary>
    public void Heard()
    {
        _heard = time.GetTimestamp();
        _heardAt = time.GetUtcNow();
        _doubted = null;
    }

    /// <summary>When to look at the silence again; zero or less: it is over its limit, and was seen so twice.</summary>
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
