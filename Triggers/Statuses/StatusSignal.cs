using Microsoft.Extensions.Logging;

namespace Shipinator.Triggers.Statuses;

/// <summary>Tells the sender of a repository that a status is to be sent. A hint: the recovery finds the status if it is lost.</summary>
public sealed partial class StatusSignal(IGrainFactory grains, ILogger<StatusSignal> logger)
{
    /// <summary>Never fails.</summary>
    public async Task NotifyAsync(RepositoryId repository)
    {
        try
        {
            await grains.GetGrain<IStatusSenderGrain>(repository.Value).Registered();
        }
        catch (Exception e) when (e is OrleansException or InvalidOperationException or ObjectDisposedException or TimeoutException)
        {
            HintLost(repository, e.Message);
        }
    }

    [LoggerMessage(4905, LogLevel.Debug, "The hint to send commit statuses of repository {Repository} was lost: {Message}")]
    private partial void HintLost(RepositoryId repository, string message);
}
