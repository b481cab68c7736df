using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Shipinator.Testing;

namespace Shipinator.EndToEnd.Tests;

/// <summary>Two real server processes with one database, behind one address, and an Orleans client that locates grains.</summary>
public sealed class ClusterOfTwo : IAsyncDisposable
{
    private readonly PostgresFixture _postgres;
    private readonly List<(SiloProcess Process, int SiloPort)> _silos = [];
    private readonly List<Func<Task<SiloProcess>>> _starts = [];
    private readonly TestAuthority _authority = new();
    private Forwarder? _forwarder;
    private int _killed;
    private IHost? _client;

    private ClusterOfTwo(PostgresFixture postgres) => _postgres = postgres;

    public Uri Url => _forwarder!.Url;

    /// <summary>The servers' own URLs.</summary>
    public IReadOnlyList<Uri> Servers { get; private set; } = [];

    /// <summary>The bootstrap token of the servers.</summary>
    public string Token { get; } =
        "shp_"
        + Convert
            .ToBase64String(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32))
            .Replace('+', '-')
            .Replace('/', '_')
            .TrimEnd('=');

    /// <summary>Starts the servers, with additional settings.</summary>
    public static async Task<ClusterOfTwo> StartAsync(string dataFolder, IReadOnlyDictionary<string, string>? further = null)
    {
        var postgres = new PostgresFixture();
        await postgres.InitializeAsync();
        var cluster = new ClusterOfTwo(postgres);
        try
        {
            await cluster.StartSilosAsync(
                dataFolder,
                await postgres.CreateDatabaseAsync(migrated: false),
                further ?? new Dictionary<string, string>()
            );
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Kills the server on which the run's grain is active.</summary>
    public async Task KillOwnerAsync(string run)
    {
        var grains = _client!.Services.GetRequiredService<IGrainFactory>();
        var grain = grains.GetGrain<IPipelineRunGrain>(RunId.Parse(run).Value);
        var address = await grains.GetGrain<IManagementGrain>(0).GetActivationAddress(grain);
        Assert.NotNull(address);
        _killed = _silos.FindIndex(s => s.SiloPort == address.Endpoint.Port);
        await _silos[_killed].Process.KillAsync();
    }

    /// <summary>Restarts the server that was killed.</summary>
    public async Task RestartAsync()
    {
        await _silos[_killed].Process.DisposeAsync();
        _silos[_killed] = (await _starts[_killed](), _silos[_killed].SiloPort);
    }

    public async ValueTask DisposeAsync()
    {
        if (_client is not null)
        {
            await _client.StopAsync();
            _client.Dispose();
        }

        foreach (var (process, _) in _silos)
        {
            await process.DisposeAsync();
        }

        if (_forwarder is not null)
        {
            await _forwarder.DisposeAsync();
        }

        await _postgres.DisposeAsync();
        _authority.Dispose();
    }

    private async Task StartSilosAsync(string dataFolder, string connectionString, IReadOnlyDictionary<string, string> further)
    {
        var ports = Ports.Free(6);
        _forwarder = new Forwarder(ports[0], ports[1]);
        Servers = [new($"http://127.0.0.1:{ports[0]}"), new($"http://127.0.0.1:{ports[1]}")];
        // The Orleans client needs a gateway, which requires certificates.
        var files = _authority.WriteTo(dataFolder + "-tls");
        for (var i = 0; i < 2; i++)
        {
            var settings = new Dictionary<string, string>(further)
            {
                ["SHIPINATOR__ConnectionString"] = connectionString,
                ["SHIPINATOR__Clustering"] = "AdoNet",
                // The repositories of the tests are local folders.
                ["SHIPINATOR__Git__AllowLocalPaths"] = "true",
                ["SHIPINATOR__Process__OneMachine"] = "true",
                ["SHIPINATOR__Port"] = Text(ports[i]),
                ["SHIPINATOR__RunnerUrl"] = Url.ToString(),
                ["SHIPINATOR__BootstrapToken"] = Token,
                ["SHIPINATOR__Orleans__SiloPort"] = Text(ports[2 + i]),
                ["SHIPINATOR__Orleans__GatewayPort"] = Text(ports[4 + i]),
                ["SHIPINATOR__Orleans__ProbeTimeout"] = "00:00:01",
            };
            foreach (var (key, file) in files)
            {
                settings[$"SHIPINATOR__Orleans__Tls__{key}"] = file;
            }

            _starts.Add(() => SiloProcess.StartAsync(dataFolder, settings));
        }

        var starting = _starts.Select(start => start()).ToList();
        for (var i = 0; i < starting.Count; i++)
        {
            _silos.Add((await starting[i], ports[2 + i]));
        }

        _client = OrleansCaller.Build(
            client => client.UseAdoNetClustering(o => (o.Invariant, o.ConnectionString) = ("Npgsql", connectionString)),
            _authority.Issue()
        );
        await _client.StartAsync();
    }

    private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);
}
