using Microsoft.Extensions.Logging;
using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Secrets;

/// <summary>Deletes earlier versions of secrets that nothing needs any more.</summary>
public sealed partial class SecretSweep(SecretStore store, TimeProvider time, ILogger<SecretSweep> logger) : PeriodicSweep(Period, time)
{
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(15);

    /// <inheritdoc/>
    public override async Task SweepAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (await store.PruneAsync(cancellationToken) is > 0 and var count)
            {
                Deleted(count);
            }
        }
        catch (ShipinatorException e)
        {
            Failed(e);
        }
    }

    [LoggerMessage(4567, LogLevel.Warning, "Failed to delete earlier versions of secrets; retrying later")]
    private partial void Failed(Exception exception);

    [LoggerMessage(4568, LogLevel.Information, "Deleted {Count} earlier versions of secrets")]
    private partial void Deleted(int count);
}
