using Microsoft.Extensions.Logging;

namespace Shipinator.Triggers.Runs;

/// <summary>Requests the cancellation of runs.</summary>
public sealed partial class RunCancellation(IGrainFactory grains, TimeProvider time, ILogger<RunCancellation> logger)
{
    /// <summary>
    /// Requests a cancellation: durable when this returns; the run is <c>canceled</c> once nothing of it is running. Idempotent. Returns
    /// the status of a run that had already ended; null when the request was stored. Errors:
    /// <see cref="NotFoundException"/>.
    /// </summary>
    public async Task<Status?> RequestAsync(RunId run, Actor actor, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(actor);
        var grain = grains.GetGrain<IPipelineRunGrain>(run.Value);
        var before = await grain.Get(cancellationToken);
        if (before.Life.IsTerminal)
        {
            return before.Life.Status;
        }

        await grain.Cancel(new(time.GetUtcNow(), Reason.CanceledByUser, $"Canceled by {actor.Name}.", actor.ToString()), cancellationToken);
        if (before.Cancel is null)
        {
            Requested(run, before.RunNumber, actor);
        }

        return null;
    }

    [LoggerMessage(4514, LogLevel.Information, "Requested the cancellation of run {Run} (#{Number}) for {Actor}")]
    private partial void Requested(RunId run, long number, Actor actor);
}
