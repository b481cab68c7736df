using Microsoft.Extensions.Configuration;
using Shipinator.Forges.Configuration;
using Shipinator.Forges.Git;

namespace Shipinator.Forges.Tests;

/// <summary>A forge with its own settings and folder.</summary>
internal sealed class ForgeHarness : IDisposable
{
    static ForgeHarness() => Environment.SetEnvironmentVariable("GIT_SSL_CAINFO", Testing.GitHttpServer.CertificateFile);

    private readonly List<GitForge> _forges = [];

    public string Root { get; } = Directory.CreateTempSubdirectory("ship-remote-").FullName;

    public string Cache => Path.Combine(Root, "cache");

    public ForgeOptions Options { get; } = new() { AllowedHosts = ["127.0.0.0/8", "localhost"], IdleTimeout = TimeSpan.FromSeconds(20) };

    public Dictionary<string, string?> Settings { get; } = [];

    /// <summary>Creates a forge with the current settings.</summary>
    public GitForge Forge()
    {
        Options.CacheRoot = Cache;
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(Settings).Build();
        var forge = new GitForge(
            Microsoft.Extensions.Options.Options.Create(Options),
            new ConfiguredRepositoryCredentials(new ConfigurationGitCredentials(configuration)),
            TimeProvider.System
        );
        _forges.Add(forge);
        return forge;
    }

    public void Credential(string url, string username = "bot", string password = "top-secret")
    {
        Settings["Shipinator:GitCredentials:it:Url"] = url;
        Settings["Shipinator:GitCredentials:it:AllowUnencrypted"] = "true";
        Settings["Shipinator:GitCredentials:it:Username"] = username;
        Settings["Shipinator:GitCredentials:it:Password"] = password;
    }

    public static ForgeRepository At(string url) => new(RepositoryId.New(TimeProvider.System), url, "main");

    public static async Task<ForgeException> FailsAsync(Func<Task> what) => await Assert.ThrowsAsync<ForgeException>(what);

    public void Dispose()
    {
        _forges.ForEach(f => f.Dispose());
        Directory.Delete(Root, recursive: true);
    }
}
