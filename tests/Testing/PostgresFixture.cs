using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Shipinator.Schema;
using Shipinator.Schema.Server;
using Xunit;

namespace Shipinator.Testing;

/// <summary>
/// One real PostgreSQL server for a test process: the one that SHIPINATOR_TEST_PG names, else one of our own in a temporary
/// folder. Use it as an assembly or collection fixture, or make one and call <see cref="InitializeAsync"/>.
/// </summary>
public sealed class PostgresFixture : IAsyncLifetime
{
    private const string Variable = "SHIPINATOR_TEST_PG";
    private readonly SemaphoreSlim _once = new(1, 1);
    private readonly string _unique = Guid.CreateVersion7().ToString("N");
    private readonly List<string> _databases = [];
    private string? _folder;
    private string? _administration;
    private string? _template;
    private int _made;

    /// <summary>
    /// Whether the server syncs to disk: false, since no test crashes the machine; benchmarks need the real cost of the disk.
    /// </summary>
    public bool Fsync { get; init; }

    /// <summary>The server of our own; null when SHIPINATOR_TEST_PG named another.</summary>
    public LocalPostgres? Server { get; private set; }

    /// <summary>Starts the server.</summary>
    public async ValueTask InitializeAsync()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } configured)
        {
            _administration = configured;
            return;
        }

        // Short, and open to the user that runs the server when the tests run as root.
        _folder = Directory.CreateTempSubdirectory("ship-pg-").FullName;
        Server = await LocalPostgres.StartAsync(new() { Folder = _folder, Fsync = Fsync }, NullLogger.Instance);
        _administration = Server.ConnectionString("postgres");
    }

    /// <summary>The connection string of a new database; a migrated one is a copy of a template, and so made at once.</summary>
    public async Task<string> CreateDatabaseAsync(bool migrated = true)
    {
        var name = Name();
        if (migrated)
        {
            await _once.WaitAsync();
            try
            {
                _template ??= await MakeTemplateAsync();
                await AdministerAsync($"CREATE DATABASE {name} TEMPLATE {_template}");
            }
            finally
            {
                _once.Release();
            }
        }
        else
        {
            await AdministerAsync($"CREATE DATABASE {name}");
        }

        return ConnectionString(name);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        if (Server is { } server)
        {
            await server.KillAsync();
            Directory.Delete(_folder!, recursive: true);
        }
        else if (_administration is not null)
        {
            foreach (var database in _databases)
            {
                await AdministerAsync($"DROP DATABASE IF EXISTS {database} WITH (FORCE)");
            }
        }

        _once.Dispose();
    }

    private async Task<string> MakeTemplateAsync()
    {
        var name = Name();
        await AdministerAsync($"CREATE DATABASE {name}");
        await Migrator.MigrateAsync(ConnectionString(name), NullLogger.Instance);
        NpgsqlConnection.ClearAllPools();
        return name;
    }

    private string Name()
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"ship_{_unique}_{Interlocked.Increment(ref _made)}");
        lock (_databases)
        {
            _databases.Add(name);
        }

        return name;
    }

    private string ConnectionString(string database) =>
        new NpgsqlConnectionStringBuilder(_administration) { Database = database, MaxPoolSize = 40 }.ConnectionString;

    private async Task AdministerAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(_administration) { Pooling = false }.ConnectionString
        );
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
