namespace Shipinator.Silo.Clustering;

/// <summary>
/// Whether the others take this silo for alive, as the membership table says: one that was frozen and declared dead learns
/// it here at once, not when it next reads the table by itself.
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

        // It ends itself as soon as it sees that.
        _ = membership
            .Refresh(default, CancellationToken.None)
            .AsTask()
            .ContinueWith(t => t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        return own is { } status
            ? $"The other servers see this one as {status}; once it knows, it ends and is to be started again."
            : "This server is not in the table of the cluster's members.";
    }
}
