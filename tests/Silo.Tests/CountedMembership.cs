namespace Shipinator.Silo.Tests;

/// <summary>Counts the reads of the membership table that are requested; the real service would end this process.</summary>
internal sealed class CountedMembership : IClusterMembershipService
{
    public int Refreshes { get; private set; }

    /// <summary>What the reads end with; null: they succeed.</summary>
    public Exception? Failure { get; set; }

    public ClusterMembershipSnapshot CurrentSnapshot => throw new NotSupportedException();

    public IAsyncEnumerable<ClusterMembershipSnapshot> MembershipUpdates => throw new NotSupportedException();

    public ValueTask Refresh(MembershipVersion minimumVersion, CancellationToken cancellationToken)
    {
        Refreshes++;
        return Failure is null ? default : ValueTask.FromException(Failure);
    }

    public Task<bool> TryKill(SiloAddress siloAddress) => throw new NotSupportedException();
}
