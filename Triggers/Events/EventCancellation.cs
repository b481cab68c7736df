using Microsoft.Extensions.Logging;
using Shipinator.Schema.Queries;

namespace Shipinator.Triggers.Events;

/// <summary>Cancels the runs of a branch that was deleted, or of a pull request that was closed.</summary>
public sealed partial class EventCancellation(
    EventRunQueries runs,
    IGrainFactory grains,
    TimeProvider time,
    ILogger<EventCancellation> logger
)
{
    /// <summary>
    /// Requests the cancellation of each active run of the ref whose plan allows it (<c>cancel_previous</c>), that counts for nothing else
    /// and deploys nothing. Returns how many. Idempotent.
    /// </summary>
    internal async Task<int> CancelAsync(
        RepositoryId repository,
        string triggerType,
        string gitRef,
        string detail,
        RunId? except,
        CancellationToken cancellationToken
    )
    {
        var canceled = 0;
        foreach (var run in await runs.CancelableAsync(repository, triggerType, gitRef, cancellationToken))
        {
            if (run == except)
            {
                continue;
            }

            await grains
                .GetGrain<IPipelineRunGrain>(run.Value)
                .Cancel(new(time.GetUtcNow(), Reason.Superseded, detail, Actor.System.ToString()), cancellationToken);
            Requested(run, detail);
            canceled++;
        }

        return canceled;
    }

    /// <summary>What a delivery shows.</summary>
    internal static string Describe(int canceled) =>
        canceled switch
        {
            0 => "No run was canceled.",
            1 => "One run was canceled.",
            _ => $"{canceled} runs were canceled.",
        };

    [LoggerMessage(4547, LogLevel.Information, "Requested the cancellation of run {Run}: {Detail}")]
    private partial void Requested(RunId run, string detail);
}
