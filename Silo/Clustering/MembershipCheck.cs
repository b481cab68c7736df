namespace Shipinator.Silo.Clustering;

/// <summary>
/// Checks readiness by the membership table, so that a silo that was frozen and declared dead is never ready again, even before its next
/// periodic read of the table.
/// </summary>
public sealed class MembershipCheck(IMembershipTable table, ILocalSiloDetails silo, IClusterMembershipService membership)
    : WebFrontend.IReadinessCheck
{
    /// <inheritdoc/>
    public async Task<string?> ReasonAsync(CancellationToken cancellationToken)
    {
        var rows = await table.ReadRowAsync(silo.SiloAddress, cancellationToken);
        var own = rows.Members.FirstOrDefault(m => m.Item1.SiloAddress.Equals(silo.SiloAddress))?.Item1.Status;
        if (own == SiloStatus.Active)
        {
            return null;
        }

        // The silo terminates as soon as it reads the table.
        _ = membership
            .Refresh(default, CancellationToken.None)
            .AsTask()
            .ContinueWith(t => t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        return own is { } status
            ? $"The cluster has marked this silo as {status}; it will terminate and must be restarted."
            : "This silo is not in the membership table of the cluster.";
    }
}
