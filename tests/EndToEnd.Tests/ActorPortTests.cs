using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Hosting;
using Npgsql;
using Shipinator.Testing;

namespace Shipinator.EndToEnd.Tests;

/// <summary>
/// Clients and silos without a valid certificate are rejected. The same code with a valid certificate is accepted, so that no test passes
/// because its client does not work at all.
/// </summary>
public sealed class ActorPortTests : IAsyncLifetime
{
    private readonly Workbench _bench = new();
    private readonly PostgresFixture _postgres = new();
    private readonly TestAuthority _authority = new();

    public ValueTask InitializeAsync() => _postgres.InitializeAsync();

    public async ValueTask DisposeAsync()
    {
        await _postgres.DisposeAsync();
        _authority.Dispose();
        _bench.Dispose();
    }

    [Fact]
    public async Task Standalone_ListensOnItsHttpPortOnly()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Only root may see another process's sockets.");
        await using var server = await SiloProcess.StartAsync(_bench.Data, null, "--port", "0");
        Assert.Equal([(SiloProcess.Connection(_bench.Data).Url.Port, true)], Ports.Of(server.Id));
    }

    [Fact]
    public async Task SilosOfOneMachine_RejectOtherClientsAndSilos_AndHaveNoGateway()
    {
        var connectionString = await _postgres.CreateDatabaseAsync(migrated: false);
        var ports = Ports.Free(5);
        await using var first = await StartAsync(connectionString, ports[0], ports[2]);
        await using var second = await StartAsync(connectionString, ports[1], ports[3]);
        Assert.Equal("3 0 3 0", await MembersAsync(connectionString));
        if (Environment.IsPrivilegedProcess)
        {
            Assert.Equal(new[] { ports[0], ports[2] }.Order().Select(p => (p, true)), Ports.Of(first.Id));
        }

        using var foreign = _authority.Issue();
        await Task.WhenAll(
            AssertClientRejectedAsync(ports[2]),
            AssertClientRejectedAsync(ports[2], foreign),
            // It has access to the database, without which it could not register as a member.
            AssertSiloRejectedAsync(connectionString, ports[4], foreign)
        );
    }

    [Fact]
    public async Task SilosWithCertificates_AcceptOnlyCertificatesOfTheirAuthority()
    {
        var connectionString = await _postgres.CreateDatabaseAsync(migrated: false);
        var ports = Ports.Free(8);
        var files = _authority.WriteTo(Path.Combine(_bench.Root, "tls"));
        await using var first = await StartAsync(connectionString, ports[0], ports[2], files, ("GatewayPort", Text(ports[4])));
        await using var second = await StartAsync(connectionString, ports[1], ports[3], files);

        using var ours = _authority.Issue("tool");
        Assert.Equal(2, await OrleansCaller.CallAsync(ports[4], ours));
        using var impostors = new TestAuthority();
        using var foreign = impostors.Issue();
        using var ended = _authority.Issue(days: -1);
        await Task.WhenAll(
            new[] { ports[2], ports[4] }.SelectMany(port =>
                new[] { AssertClientRejectedAsync(port), AssertClientRejectedAsync(port, foreign), AssertClientRejectedAsync(port, ended) }
            )
        );
        await Task.WhenAll(
            AssertSiloRejectedAsync(connectionString, ports[5]),
            AssertSiloRejectedAsync(connectionString, ports[6], foreign)
        );

        using var member = OrleansCaller.BuildSilo(connectionString, ports[7], ours);
        await StartAsync(member, seconds: 60);
        await member.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task SiloBeyondLoopback_WithoutCertificates_DoesNotStart_AndWithThemOpensNoOtherPort()
    {
        var address = NetworkInterface
            .GetAllNetworkInterfaces()
            .SelectMany(i => i.GetIPProperties().UnicastAddresses)
            .Select(a => a.Address)
            .FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(a));
        Assert.SkipUnless(address is not null, "This machine has only loopback addresses.");
        var connectionString = await _postgres.CreateDatabaseAsync(migrated: false);
        var ports = Ports.Free(2);
        var settings = new[] { ("AdvertisedAddress", address!.ToString()) };
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            StartAsync(connectionString, ports[0], ports[1], null, settings)
        );
        Assert.Contains("Shipinator:Orleans:Tls:Certificate", error.Message, StringComparison.Ordinal);

        // The process executor is rejected because of this port, too, although HTTP is on loopback.
        var files = _authority.WriteTo(Path.Combine(_bench.Root, "tls"));
        error = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            StartAsync(connectionString, ports[0], ports[1], files, settings)
        );
        Assert.Contains($"Shipinator:Orleans:AdvertisedAddress ({address})", error.Message, StringComparison.Ordinal);

        Environment.SetEnvironmentVariable("SHIPINATOR__Process__AllowBeyondLoopback", "true");
        try
        {
            await using var silo = await StartAsync(connectionString, ports[0], ports[1], files, settings);
            if (Environment.IsPrivilegedProcess)
            {
                Assert.Equal(new[] { (ports[0], true), (ports[1], false) }.Order(), Ports.Of(silo.Id));
            }
        }
        finally
        {
            Environment.SetEnvironmentVariable("SHIPINATOR__Process__AllowBeyondLoopback", null);
        }
    }

    private static async Task StartAsync(IHost host, double seconds)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        await host.StartAsync(limit.Token).WaitAsync(limit.Token);
    }

    /// <summary>It may fail in any way, but gets no response in a time in which an accepted client would get many.</summary>
    private static async Task AssertClientRejectedAsync(int port, X509Certificate2? certificate = null) =>
        await Assert.ThrowsAnyAsync<Exception>(() => OrleansCaller.CallAsync(port, certificate, seconds: 10));

    private static async Task AssertSiloRejectedAsync(string connectionString, int port, X509Certificate2? certificate = null)
    {
        // The host can't be stopped before it gives up by itself: it ends with this process.
        var silo = OrleansCaller.BuildSilo(connectionString, port, certificate);
        await Assert.ThrowsAnyAsync<Exception>(() => StartAsync(silo, seconds: 15));
    }

    private Task<SiloProcess> StartAsync(
        string connectionString,
        int port,
        int siloPort,
        IReadOnlyDictionary<string, string>? files = null,
        params (string Key, string Value)[] orleans
    )
    {
        var settings = new Dictionary<string, string>
        {
            ["SHIPINATOR__ConnectionString"] = connectionString,
            ["SHIPINATOR__Clustering"] = "AdoNet",
            ["SHIPINATOR__Process__OneMachine"] = "true",
            ["SHIPINATOR__Port"] = Text(port),
            ["SHIPINATOR__Orleans__SiloPort"] = Text(siloPort),
        };
        foreach (var (key, value) in orleans)
        {
            settings[$"SHIPINATOR__Orleans__{key}"] = value;
        }

        foreach (var (key, file) in files ?? new Dictionary<string, string>())
        {
            settings[$"SHIPINATOR__Orleans__Tls__{key}"] = file;
        }

        return SiloProcess.StartAsync(_bench.Data, settings);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static async Task<string?> MembersAsync(string connectionString)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var command = source.CreateCommand(
            "SELECT string_agg(status || ' ' || coalesce(proxyport, 0), ' ') FROM orleansmembershiptable"
        );
        return (string?)await command.ExecuteScalarAsync();
    }
}
