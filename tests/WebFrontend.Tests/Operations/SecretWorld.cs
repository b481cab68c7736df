using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Shipinator.Forges.Configuration;
using Shipinator.Schema;
using Shipinator.Schema.Stores;
using Shipinator.Triggers;
using Shipinator.Triggers.Secrets;
using Shipinator.Triggers.Statuses;

namespace Shipinator.WebFrontend.Tests.Operations;

/// <summary>One server's view of the secrets of a database: its own keys, the store and the operations.</summary>
internal sealed class SecretWorld : IAsyncDisposable
{
    private readonly ShipinatorDatabase _database;

    private SecretWorld(ShipinatorDatabase database, SecretKey[] keys, FakeTimeProvider time, Dictionary<string, string?> settings)
    {
        (_database, Time) = (database, time);
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings).Build();
        Keys.Load(keys, "Shipinator:SecretKeys");
        Store = new(database.DataSource, time);
        Cipher = new(Keys);
        var vault = new SecretVault(Store, Cipher, time);
        var scopes = new SecretScopes(new(database.DataSource, time), new(database.DataSource, time));
        Registry = new(Store, vault, scopes, NullLogger<SecretRegistry>.Instance);
        Source = new(Store, vault, new(configuration));
        var statuses = new CommitStatusRetry(
            new(database.DataSource, time),
            new(database.DataSource, time),
            // Without commit statuses there is nothing to signal.
            new(grains: null!, NullLogger<StatusSignal>.Instance),
            NullLogger<CommitStatusRetry>.Instance
        );
        Credentials = new(
            Store,
            vault,
            scopes,
            new ConfigurationGitCredentials(configuration),
            statuses,
            NullLogger<RepositoryCredentials>.Instance
        );
        Webhooks = new(Store, vault, scopes, time, NullLogger<WebhookSecrets>.Instance);
        Rotation = new(Store, Cipher, Keys, NullLogger<SecretKeyRotation>.Instance);
    }

    public static Actor Ada { get; } = new(ActorKind.Token, "ada");

    public FakeTimeProvider Time { get; }

    public SecretKeyRing Keys { get; } = new();

    public SecretStore Store { get; }

    public SecretCipher Cipher { get; }

    public SecretRegistry Registry { get; }

    public StoredSecrets Source { get; }

    public RepositoryCredentials Credentials { get; }

    public WebhookSecrets Webhooks { get; }

    public SecretKeyRotation Rotation { get; }

    public NpgsqlDataSource Data => _database.DataSource;

    public ProjectRow Project { get; private set; } = null!;

    public RepositoryRow Repository { get; private set; } = null!;

    /// <summary>A database of its own with a project and a repository.</summary>
    public static async Task<SecretWorld> StartAsync(ApiFixture api, params SecretKey[] keys)
    {
        var database = ShipinatorDatabase.Create(await api.DatabaseAsync());
        var world = new SecretWorld(database, keys, new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)), []);
        await database.MigrateAsync(NullLogger.Instance);
        world.Project = await new ProjectStore(world.Data, world.Time).CreateAsync("shop", null);
        world.Repository = await world.RepositoryAsync("web");
        return world;
    }

    /// <summary>Another server with the same database.</summary>
    public SecretWorld Other(SecretKey[] keys, Dictionary<string, string?>? settings = null) =>
        new(_database, keys, Time, settings ?? []) { Project = Project, Repository = Repository };

    public Task<RepositoryRow> RepositoryAsync(string name) =>
        new RepositoryStore(Data, Time).CreateAsync(new(Project.Id, name, "git", $"https://git.example.org/org/{name}.git", "main"));

    public Task<SecretInfo> SetAsync(SecretScope scope, string name, string value, string[]? events = null, string[]? branches = null) =>
        Registry.SetAsync(
            scope,
            name,
            new()
            {
                Value = value,
                Events = events,
                Branches = branches,
            },
            Ada,
            default
        );

    public SecretRequest Asked(string name, string ofEvent = "push", string? branch = "main", bool isFork = false) =>
        new(
            Project.Id,
            Repository.Id,
            [name],
            new()
            {
                Event = ofEvent,
                Branch = branch,
                IsFork = isFork,
            }
        );

    public async Task<string?> ValueAsync(string name, string ofEvent = "push", string? branch = "main", bool isFork = false) =>
        (await Source.Resolve(Asked(name, ofEvent, branch, isFork), default)).Values.GetValueOrDefault(name);

    public async Task ExecuteAsync(string sql)
    {
        await using var command = Data.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    public async Task<long> CountAsync(string sql)
    {
        await using var command = Data.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();
}
