using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Shipinator.Schema;
using Shipinator.Silo.Clustering;
using Shipinator.Silo.Configuration;
using Shipinator.Silo.Standalone;
using Shipinator.Testing;
using Shipinator.WebFrontend;

namespace Shipinator.Silo.Tests;

/// <summary>
/// Readiness by the membership table in a real database, with the services of a silo that is not started: a started one terminates as
/// soon as it is declared dead, which hides what this check answers until then.
/// </summary>
public sealed class MembershipCheckTests : IAsyncLifetime
{
    private readonly PostgresFixture _postgres = new();
    private readonly string _data = Directory.CreateTempSubdirectory("ship-member-").FullName;
    private readonly CountedMembership _membership = new();
    private DataFolder _folder = null!;
    private ShipinatorDatabase _database = null!;
    private IHost _silo = null!;

    private IMembershipTable Table => _silo.Services.GetRequiredService<IMembershipTable>();

    private MembershipCheck Check => _silo.Services.GetServices<IReadinessCheck>().OfType<MembershipCheck>().Single();

    public async ValueTask InitializeAsync()
    {
        await _postgres.InitializeAsync();
        _database = ShipinatorDatabase.Create(await _postgres.CreateDatabaseAsync());
        _folder = DataFolder.Open(_data, exclusive: false);
        var builder = new HostApplicationBuilder();
        builder.UseOrleans(silo => OrleansSetup.Configure(silo, new() { Clustering = ClusteringKind.AdoNet }, _database, _folder));
        builder.Services.AddSingleton<IClusterMembershipService>(_membership);
        _silo = builder.Build();
        await Table.InitializeMembershipTableAsync(true, default);
    }

    public async ValueTask DisposeAsync()
    {
        _silo.Dispose();
        _folder.Dispose();
        await _database.DisposeAsync();
        await _postgres.DisposeAsync();
        Directory.Delete(_data, recursive: true);
    }

    [Fact]
    public async Task Silo_DeclaredDeadByAnother_IsNotReadyAndReadsTheTable()
    {
        await JoinAsync(SiloStatus.Active);
        Assert.Null(await Check.ReasonAsync(default));
        Assert.Equal(0, _membership.Refreshes);

        await MarkAsync(SiloStatus.Dead);

        Assert.Equal(
            "The cluster has marked this silo as Dead; it will terminate and must be restarted.",
            await Check.ReasonAsync(default)
        );
        Assert.Equal(1, _membership.Refreshes);
    }

    [Fact]
    public async Task Silo_ThatJoins_IsReadyOnceItIsActive()
    {
        Assert.Equal("This silo is not in the membership table of the cluster.", await Check.ReasonAsync(default));
        await JoinAsync(SiloStatus.Joining);
        Assert.Contains("Joining", await Check.ReasonAsync(default), StringComparison.Ordinal);
        await MarkAsync(SiloStatus.Active);
        Assert.Null(await Check.ReasonAsync(default));
    }

    /// <summary>As a silo enters itself.</summary>
    private async Task JoinAsync(SiloStatus status)
    {
        var own = _silo.Services.GetRequiredService<ILocalSiloDetails>();
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        var entry = new MembershipEntry
        {
            SiloAddress = own.SiloAddress,
            SiloName = own.Name,
            HostName = own.DnsHostName,
            Status = status,
            StartTime = now,
            IAmAliveTime = now,
        };
        Assert.True(await Table.InsertRowAsync(entry, (await Table.ReadAllAsync(default)).Version.Next(), default));
    }

    /// <summary>As another silo changes it.</summary>
    private async Task MarkAsync(SiloStatus status)
    {
        var all = await Table.ReadAllAsync(default);
        var (entry, tag) = Assert.Single(all.Members);
        entry.Status = status;
        Assert.True(await Table.UpdateRowAsync(entry, tag, all.Version.Next(), default));
    }
}
