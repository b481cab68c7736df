using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Shipinator.Schema;
using Shipinator.Schema.Stores;
using Shipinator.Silo.Configuration;
using Shipinator.Silo.Hosting;
using Shipinator.Silo.Standalone;
using Shipinator.Testing;
using Shipinator.Triggers;
using Shipinator.Triggers.Secrets;

[assembly: AssemblyFixture(typeof(PostgresFixture))]

namespace Shipinator.Silo.Tests;

/// <summary>Where the keys of secrets are from, and starts that are refused because one is missing.</summary>
public sealed class SecretKeyTests(PostgresFixture postgres) : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("shipinator-keys-").FullName;

    private string KeyFile => Path.Combine(_root, "secret.key");

    [Fact]
    public async Task SingleServer_FirstStart_CreatesAPrivateKeyFile_AndKeepsIt()
    {
        var database = await postgres.CreateDatabaseAsync();
        var first = await StartAsync(database);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(KeyFile));
        Assert.Equal(first, SecretKey.TryParse(await File.ReadAllTextAsync(KeyFile, TestContext.Current.CancellationToken))!.Id);
        Assert.Equal(first, await StartAsync(database, set: "TOKEN"));
        Assert.Equal(first, await StartAsync(database));
    }

    [Fact]
    public async Task SingleServer_FileIsGoneAndSecretsExist_IsRefused_AndNoNewKeyIsMade()
    {
        var database = await postgres.CreateDatabaseAsync();
        var key = await StartAsync(database, set: "TOKEN");
        File.Move(KeyFile, KeyFile + ".away");
        var error = await Assert.ThrowsAsync<StartupException>(() => StartAsync(database));
        Assert.StartsWith(
            $"1 stored secret is encrypted with key {key}, which is not in {KeyFile}. ",
            error.Message,
            StringComparison.Ordinal
        );
        Assert.Contains("Restore the file from a backup", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(KeyFile));

        // Another key in front of the old one: the new one encrypts, the old one is still found.
        var added = SecretKey.New();
        await WriteKeysAsync(
            added.ToBase64(),
            (await File.ReadAllTextAsync(KeyFile + ".away", TestContext.Current.CancellationToken)).Trim()
        );
        Assert.Equal(added.Id, await StartAsync(database));

        await WriteKeysAsync(added.ToBase64());
        Assert.Contains(key!, (await Assert.ThrowsAsync<StartupException>(() => StartAsync(database))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SingleServer_FileThatOthersCanRead_IsRefused()
    {
        var database = await postgres.CreateDatabaseAsync();
        await StartAsync(database);
        File.SetUnixFileMode(KeyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        var error = await Assert.ThrowsAsync<StartupException>(() => StartAsync(database));
        Assert.Contains($"accessible to others (GroupRead). Run: chmod 600 '{KeyFile}'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("not a key\n", "line 1, must be the base64 of 32 random bytes")]
    public async Task SingleServer_DamagedFile_IsRefused(string content, string message)
    {
        var database = await postgres.CreateDatabaseAsync();
        await WriteKeysAsync(content);
        var error = await Assert.ThrowsAsync<StartupException>(() => StartAsync(database));
        Assert.Contains(KeyFile, error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Equal(content, await File.ReadAllTextAsync(KeyFile, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Configured_KeysReplaceTheFile_AndAMissingOneNamesTheSetting()
    {
        var database = await postgres.CreateDatabaseAsync();
        var (old, added) = (SecretKey.New(), SecretKey.New());
        Assert.Equal(old.Id, await StartAsync(database, [old], set: "TOKEN"));
        Assert.False(File.Exists(KeyFile));
        Assert.Equal(added.Id, await StartAsync(database, [added, old]));

        var error = await Assert.ThrowsAsync<StartupException>(() => StartAsync(database, [added]));
        Assert.Contains($"key {old.Id}, which is not in Shipinator:SecretKeys. Add the key to", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(added.ToBase64(), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cluster_WithoutKeys_StartsWhileNothingIsStored_AndIsRefusedAfterwards()
    {
        var database = await postgres.CreateDatabaseAsync();
        Assert.Null(await StartAsync(database, cluster: true));
        Assert.False(File.Exists(KeyFile));
        var key = SecretKey.New();
        Assert.Equal(key.Id, await StartAsync(database, [key], cluster: true, set: "TOKEN"));
        var error = await Assert.ThrowsAsync<StartupException>(() => StartAsync(database, cluster: true));
        Assert.Contains("which is not in Shipinator:SecretKeys", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("AAAA")]
    [InlineData("not base64 but secret")]
    public void Setting_NotAKey_IsRefusedWithoutItsValue(string value)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection([new("Shipinator:SecretKeys:0", SecretKey.New().ToBase64()), new("Shipinator:SecretKeys:1", value)])
            .Build();
        var error = Assert.Throws<OptionsValidationException>(() => Settings.Read(configuration));
        Assert.Equal(
            "Shipinator:SecretKeys:1 must be the base64 of 32 random bytes ('openssl rand -base64 32').",
            Assert.Single(error.Failures)
        );
    }

    public void Dispose()
    {
        Directory.Delete(_root, recursive: true);
        WorkFolders.Remove(_root);
    }

    private async Task WriteKeysAsync(params string[] lines)
    {
        await File.WriteAllTextAsync(KeyFile, string.Join('\n', lines));
        File.SetUnixFileMode(KeyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    /// <summary>Prepares a server, as a start does; returns the id of the key that encrypts.</summary>
    private async Task<string?> StartAsync(string connection, SecretKey[]? keys = null, bool cluster = false, string? set = null)
    {
        var options = new ShipinatorOptions { ConnectionString = connection };
        // No step runs here; a start only checks that the program exists.
        options.Process.RunnerPath = typeof(SecretKeyTests).Assembly.Location;
        options.Process.RunAsServerUser = true;
        if (cluster)
        {
            options.Clustering = ClusteringKind.AdoNet;
        }

        foreach (var key in keys ?? [])
        {
            options.SecretKeys.Add(key.ToBase64());
        }

        using var folder = DataFolder.Open(_root, exclusive: false);
        await using var database = ShipinatorDatabase.Create(connection);
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new("Shipinator:Process:OneMachine", "true")]).Build();
        await using var app = SiloApp.Build([], configuration, options, database, folder, 0);
        await SiloApp.PrepareAsync(app);
        if (set is not null)
        {
            var project = await app.Services.GetRequiredService<ProjectStore>().CreateAsync("shop", null);
            await app
                .Services.GetRequiredService<SecretRegistry>()
                .SetAsync(SecretScope.Of(project.Id), set, new() { Value = "value" }, Actor.System, default);
        }

        var ring = app.Services.GetRequiredService<SecretKeyRing>();
        return ring.HasKeys ? ring.Newest.Id : null;
    }
}
