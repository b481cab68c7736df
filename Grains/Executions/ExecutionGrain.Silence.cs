namespace Shipinator.Grains.Executions;

/// <summary>The runner's signs of life. They come every few seconds, so they are kept in memory alone.</summary>
public sealed partial class ExecutionGrain
{
    /// <summary>A runner speaks every 5 s: a silence that long is told.</summary>
    private static readonly TimeSpan SilenceTold = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The last part of a silence must be sat through awake: a server that was frozen finds heartbeats that nobody has read.
    /// </summary>
    private static readonly TimeSpan SilenceProof = TimeSpan.FromSeconds(15);

    /// <summary>Measured by a clock that stands still while the machine sleeps, and that nobody sets.</summary>
    private long _heard;
    private DateTimeOffset _heardAt;

    /// <summary>Since when the silence is nearly over, as seen by us.</summary>
    private long? _doubted;

    /// <summary>One that was claimed by another is not heard. Without a name: whoever holds the execution's token.</summary>
    private void Heard(string runner)
    {
        if (runner.Length > 0 && Row?.ClaimedBy is { } claimed && claimed != runner)
        {
            return;
        }

        _heard = Time.GetTimestamp();
        _heardAt = Now;
        _doubted = null;
    }

    /// <summary>Only one that runs has a runner to be heard; a stop that is under way ends by the executor's word.</summary>
    private bool IsListening => Row is { Life.Status: Status.Running, Cancel: null, Stopped: null };

    private WaitReason? ToldSilence() =>
        IsListening && Time.GetElapsedTime(_heard) >= SilenceTold ? WaitReason.RunnerSilent(_heardAt) : null;

    /// <summary>When the silence must be looked at again, not positive when it was too long; null: nobody listens.</summary>
    private TimeSpan? SilenceLeft()
    {
        if (!IsListening)
        {
            return null;
        }

        var proof = Options.RunnerSilence / 2 < SilenceProof ? Options.RunnerSilence / 2 : SilenceProof;
        var left = Options.RunnerSilence - Time.GetElapsedTime(_heard);
        if (left > proof)
        {
            return left - proof;
        }

        _doubted ??= Time.GetTimestamp();
        var unproven = proof - Time.GetElapsedTime(_doubted.Value);
        return unproven > left ? unproven : left;
    }

    /// <summary>Its node may be gone, and no executor say so for long: the platform often learns it last.</summary>
    private async Task CheckSilenceAsync()
    {
        if (SilenceLeft() is { } left && left <= TimeSpan.Zero)
        {
            var edit = NewEdit(Actor);
            await SaveAsync(
                ExecutionLogic.End(
                    Row!,
                    Status.Failed,
                    Reason.Lost,
                    $"Nothing was heard of its runner for {Options.RunnerSilence.InWords()}.",
                    null,
                    edit
                ),
                edit
            );
        }
    }
}
