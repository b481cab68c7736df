using Microsoft.Extensions.Logging;
using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Repositories;

/// <summary>
/// Removes mirrors of repositories that no longer exist: deleted on another silo, or left by a check that a crash interrupted.
/// </summary>
public sealed partial class MirrorSweep(
    IRepositoryMirrors mirrors,
    RepositoryStore repositories,
    TimeProvider time,
    ILogger<MirrorSweep> logger
) : PeriodicSweep(Period, time)
{
    private static readonly TimeSpan Period = TimeSpan.FromHours(1);

    /// <summary>Must be longer than any check takes.</summary>
    private static readonly TimeSpan SafeAge = TimeSpan.FromHours(1);

    /// <inheritdoc/>
    public override async Task SweepAsync(CancellationToken cancellationToken)
    {
        try
        {
            foreach (var id in mirrors.Unused(SafeAge))
            {
                if (await repositories.GetAsync(id, cancellationToken) is null)
                {
                    await mirrors.Forget(id, cancellationToken);
                    Removed(id);
                }
            }
        }
        catch (Exception e) when (e is ShipinatorException or IOException or UnauthorizedAccessException)
        {
            Failed(e);
        }
    }

    [LoggerMessage(4501, LogLevel.Warning, "Failed to remove mirrors of deleted repositories; retrying in an hour")]
    private partial void Failed(Exception exception);

    [LoggerMessage(4502, LogLevel.Information, "Removed the mirror of repository {Repository}, which no longer exists")]
    private partial void Removed(RepositoryId repository);
}
