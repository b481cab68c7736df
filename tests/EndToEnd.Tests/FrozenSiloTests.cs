using System.Diagnostics;
using System.Globalization;
using System.Net;
using Npgsql;
using Shipinator.Testing;

namespace Shipinator.EndToEnd.Tests;

/// <summary>Frozen and killed silos, with the default timing.</summary>
public sealed class FrozenSiloTests : IAsyncLifetime
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);
    private readonly Workbench _bench = new();
    private readonly PostgresFixture _postgres = new();
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(10) };

    public ValueTask InitializeAsync() => _postgres.InitializeAsync();

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _postgres.DisposeAsync();
        _bench.Dispose();
    }

    [Fact]
    public async Task FrozenSilo_DeclaredDead_IsNeverReadyAgainAndTerminates()
    {
        var connectionString = await _postgres.CreateDatabaseAsync(migrated: false);
        var ports = Ports.Free(2);
        var starts = (First: StartAsync(connectionString, ports[0]), Second: StartAsync(connectionString, ports[1]));
        await using var first = await starts.First;
        await using var second = await starts.Second;
        await WaitForAsync(
            async () => await ReadyAsync(ports[1]) == HttpStatusCode.OK && await CountAsync(connectionString, 3) == 2,
            TimeSpan.FromSeconds(30),
            "both are ready"
        );

        await SignalAsync(second, "-STOP");
        // The bound is 10 s (docs/operations.md); this machine may be busy.
        await WaitForAsync(
            async () => await CountAsync(connectionString, 6) == 1,
            TimeSpan.FromSeconds(30),
            "the frozen one is declared dead"
        );
        await SignalAsync(second, "-CONT");

        var began = TimeProvider.System.GetTimestamp();
        while (!second.HasExited)
        {
            Assert.NotEqual(HttpStatusCode.OK, await ReadyAsync(ports[1]));
            Assert.True(
                TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(20),
                "The silo that was declared dead keeps running."
            );
            await Task.Delay(Look, TimeProvider.System);
        }

        Assert.Equal(HttpStatusCode.OK, await ReadyAsync(ports[0]));
    }

    [Fact]
    public async Task AllSilosKilled_WithoutFixedPorts_RestartAtOnce()
    {
        var connectionString = await _postgres.CreateDatabaseAsync(migrated: false);
        var ports = Ports.Free(2);
        var before = (First: StartAsync(connectionString, ports[0]), Second: StartAsync(connectionString, ports[1]));
        await using (var first = await before.First)
        await using (var second = await before.Second)
        {
            await WaitForAsync(async () => await CountAsync(connectionString, 3) == 2, TimeSpan.FromSeconds(30), "both are members");
            await Task.WhenAll(first.KillAsync(), second.KillAsync());
        }

        // Each replaces its own entry and must wait for the other. Without kept ports it took 95 s.
        var began = TimeProvider.System.GetTimestamp();
        var starts = await Task.WhenAll(StartAsync(connectionString, ports[0]), StartAsync(connectionString, ports[1]));
        try
        {
            await WaitForAsync(
                async () => await ReadyAsync(ports[0]) == HttpStatusCode.OK && await ReadyAsync(ports[1]) == HttpStatusCode.OK,
                TimeSpan.FromSeconds(40),
                "both are ready again"
            );
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(60));
            Assert.Equal(2, await CountAsync(connectionString, 3));
        }
        finally
        {
            foreach (var silo in starts)
            {
                await silo.DisposeAsync();
            }
        }
    }

    [Fact]
    public async Task AllSilosKilled_StartAtAnotherAddress_IsReadyWhenStaleEntriesExpire()
    {
        var connectionString = await _postgres.CreateDatabaseAsync(migrated: false);
        var ports = Ports.Free(4);
        await using (var first = await StartAsync(connectionString, ports[0], ports[1]))
        {
            await first.KillAsync();
        }

        // Like a replaced pod: only the row of the dead silo is left.
        await using var next = await StartAsync(connectionString, ports[2], ports[3]);
        await WaitForAsync(async () => await ReadyAsync(ports[2]) == HttpStatusCode.OK, TimeSpan.FromSeconds(40), "it is ready");
    }

    private Task<SiloProcess> StartAsync(string connectionString, int port, int siloPort = 0) =>
        SiloProcess.StartAsync(
            _bench.Data,
            new Dictionary<string, string>
            {
                ["SHIPINATOR__ConnectionString"] = connectionString,
                ["SHIPINATOR__Clustering"] = "AdoNet",
                ["SHIPINATOR__Process__OneMachine"] = "true",
                ["SHIPINATOR__Port"] = port.ToString(CultureInfo.InvariantCulture),
                ["SHIPINATOR__Orleans__SiloPort"] = siloPort.ToString(CultureInfo.InvariantCulture),
            }
        );

    private async Task<HttpStatusCode> ReadyAsync(int port)
    {
        try
        {
            using var response = await _http.GetAsync(new Uri($"http://127.0.0.1:{port}/healthz/ready"));
            return response.StatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return HttpStatusCode.ServiceUnavailable;
        }
    }

    /// <summary>Counts the members with a status: 3 is active, 6 is dead.</summary>
    private static async Task<long> CountAsync(string connectionString, int status)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var command = source.CreateCommand($"SELECT count(*) FROM orleansmembershiptable WHERE status = {status}");
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private static async Task SignalAsync(SiloProcess silo, string signal)
    {
        using var kill = Process.Start("kill", [signal, silo.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
        Assert.Equal(0, kill.ExitCode);
    }

    /// <summary>Polls a condition of other processes, for which there are no events.</summary>
    private static async Task WaitForAsync(Func<Task<bool>> condition, TimeSpan limit, string what)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < limit, $"Not within {limit}: {what}.");
            await Task.Delay(Look, TimeProvider.System);
        }
    }
}
