using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Storage;
using Shipinator.Testing;

namespace Shipinator.Schema.Tests;

/// <summary>Our SQL for Orleans' own providers, through real silos.</summary>
public sealed class OrleansSqlTests(PostgresFixture postgres)
{
    [Fact]
    public async Task TwoSilos_OnOneDatabase_JoinAndLeave()
    {
        await using var database = ShipinatorDatabase.Create(await postgres.CreateDatabaseAsync());
        using var first = await StartAsync(database);
        using var second = await StartAsync(database);
        var manager = first.Services.GetRequiredService<IGrainFactory>().GetGrain<IManagementGrain>(0);
        Assert.Equal(2, (await manager.GetHosts(onlyActive: true)).Count);
        await second.StopAsync();
        Assert.Single(await manager.GetHosts(onlyActive: true));
        await first.StopAsync();
    }

    [Fact]
    public async Task CoordinatorStorage_WritesReadsAndClears_AndLetsOneOfTwoFirstWritesWin()
    {
        await using var database = ShipinatorDatabase.Create(await postgres.CreateDatabaseAsync());
        using var host = await StartAsync(database);
        var storage = host.Services.GetRequiredKeyedService<IGrainStorage>(StorageNames.Coordinators);
        for (var i = 0; i < 10; i++)
        {
            var id = GrainId.Create(GrainType.Create("coordinator"), GrainIdKeyExtensions.CreateGuidKey(Guid.CreateVersion7()));
            var rivals = Enumerable.Range(0, 2).Select(n => new GrainState<SlotHolderBox>(new() { Count = n })).ToList();
            var outcomes = await Task.WhenAll(rivals.Select(r => Task.Run(() => WinsAsync(storage, id, r))));
            Assert.Single(outcomes, won => won);

            var read = new GrainState<SlotHolderBox>(new());
            await storage.ReadStateAsync("box", id, read);
            Assert.Equal(rivals[Array.IndexOf(outcomes, true)].State!.Count, read.State!.Count);
            read.State.Count = 42;
            await storage.WriteStateAsync("box", id, read);
            Assert.Equal("2", read.ETag);
            var stale = new GrainState<SlotHolderBox>(new()) { ETag = "1", RecordExists = true };
            await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync("box", id, stale));
            await storage.ClearStateAsync("box", id, read);
            var cleared = new GrainState<SlotHolderBox>(new());
            await storage.ReadStateAsync("box", id, cleared);
            Assert.False(cleared.RecordExists);
        }

        await host.StopAsync();
    }

    [Fact]
    public async Task Reminder_IsStoredFoundChangedAndRemoved()
    {
        await using var database = ShipinatorDatabase.Create(await postgres.CreateDatabaseAsync());
        using var host = await StartAsync(database);
        var table = host.Services.GetRequiredService<IReminderTable>();
        var grain = GrainId.Create(GrainType.Create("recovery"), GrainIdKeyExtensions.CreateIntegerKey(0));
        var entry = new ReminderEntry
        {
            GrainId = grain,
            ReminderName = "sweep",
            StartAt = TestDatabase.Now().UtcDateTime,
            Period = TimeSpan.FromMinutes(1),
        };
        var first = await table.UpsertRow(entry);
        var second = await table.UpsertRow(entry);
        Assert.NotEqual(first, second);
        Assert.Equal(TimeSpan.FromMinutes(1), (await table.ReadRow(grain, "sweep"))?.Period);
        Assert.Single((await table.ReadRows(grain)).Reminders);
        Assert.Single((await table.ReadRows(0, uint.MaxValue)).Reminders);
        Assert.Single(
            (await table.ReadRows(grain.GetUniformHashCode(), grain.GetUniformHashCode() - 1)).Reminders.Concat(
                (await table.ReadRows(grain.GetUniformHashCode() - 1, grain.GetUniformHashCode())).Reminders
            )
        );
        Assert.False(await table.RemoveRow(grain, "sweep", first!));
        Assert.True(await table.RemoveRow(grain, "sweep", second!));
        Assert.Empty((await table.ReadRows(grain)).Reminders);
        await host.StopAsync();
    }

    private static async Task<bool> WinsAsync(IGrainStorage storage, GrainId id, GrainState<SlotHolderBox> state)
    {
        try
        {
            await storage.WriteStateAsync("box", id, state);
            return true;
        }
        catch (InconsistentStateException)
        {
            return false;
        }
    }

    internal static async Task<IHost> StartAsync(ShipinatorDatabase database)
    {
        var (silo, gateway) = (FreePort(), FreePort());
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.UseOrleans(orleans =>
            orleans
                .UseShipinatorAdoNet(database, clustering: true)
                .AddRelationalGrainStorage()
                .Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = ("test", "test"))
                .ConfigureEndpoints(IPAddress.Loopback, silo, gateway)
        );
        builder.Services.AddShipinatorSchema(database);
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

/// <summary>A coordinator's state.</summary>
internal sealed class SlotHolderBox
{
    public int Count { get; set; }
}
