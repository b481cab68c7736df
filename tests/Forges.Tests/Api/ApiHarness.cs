using System.Collections.Concurrent;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Shipinator.Testing.Forges;

namespace Shipinator.Forges.Tests.Api;

/// <summary>The forges as the server registers them, with a clock that the test advances, and one forge on 127.0.0.1.</summary>
internal sealed class ApiHarness : IAsyncDisposable
{
    public const string Token = "0123456789abcdef0123456789abcdef01234567";
    public static readonly string Commit = new('c', 40);
    public static readonly Uri Hook = new("https://ci.example.org/v1/webhooks/0198");
    private ServiceProvider? _services;

    private ApiHarness(string kind, FakeForge server)
    {
        (Kind, Server) = (kind, server);
        Repository = server.Add("org/app", isPrivate: true);
        Repository.Commits[Commit] = 0;
        User = server.AddUser("bot", Token).Grant(Repository, FakeAccess.Admin);
        Credentials[server.CloneUrl("org/app")] = new("git", Token, server.Origin);
    }

    /// <summary>The kinds of server that a theory goes through.</summary>
    public static TheoryData<string> Kinds => new("github", "gitea", "gitea-new", "forgejo");

    public string Kind { get; }

    public FakeForge Server { get; }

    public FakeRepository Repository { get; }

    public FakeUser User { get; }

    public FakeTimeProvider Time { get; } = new(new(2026, 11, 29, 12, 0, 0, TimeSpan.Zero));

    /// <summary>The credentials by clone URL.</summary>
    public ConcurrentDictionary<string, GitCredential> Credentials { get; } = new();

    public string Root { get; } = Directory.CreateTempSubdirectory("ship-api-").FullName;

    public ForgeOptions Options { get; } = new() { AllowedHosts = ["127.0.0.0/8"] };

    public ForgeRepository Target => ForgeHarness.At(Server.CloneUrl("org/app"));

    public FakeGitHub GitHub => (FakeGitHub)Server;

    public FakeGitea Gitea => (FakeGitea)Server;

    public IForge Forge
    {
        get
        {
            _services ??= new ServiceCollection()
                .AddLogging()
                .AddSingleton<TimeProvider>(Time)
                .AddSingleton<IConfiguration>(new ConfigurationBuilder().Build())
                .AddSingleton<IRepositoryCredentials>(new Given(Credentials))
                .AddGitForge(o =>
                {
                    o.CacheRoot = Path.Combine(Root, "cache");
                    o.AllowedHosts = Options.AllowedHosts;
                    o.IdleTimeout = Options.IdleTimeout;
                })
                .BuildServiceProvider();
            return _services.GetRequiredService<IForgeRegistry>().Get(Kind.Split('-')[0]);
        }
    }

    public IStatusForge Statuses => (IStatusForge)Forge;

    public IHookForge Hooks => (IHookForge)Forge;

    public IPullRequestForge Pulls => (IPullRequestForge)Forge;

    public static async Task<ApiHarness> StartAsync(string kind, string? gitRoot = null)
    {
        if (kind == "github")
        {
            return new(kind, await FakeGitHub.StartAsync(gitRoot));
        }

        var gitea = await FakeGitea.StartAsync(gitRoot);
        gitea.IsNew = kind != "gitea";
        gitea.IsForgejo = kind == "forgejo";
        gitea.IsGogs = kind == "gogs";
        return new(kind, gitea);
    }

    public static CommitStatus Status(CommitState state = CommitState.Success, string context = "shipinator/push") =>
        new(state, context, "All steps succeeded.", new("https://ci.example.org/runs/1"));

    public Task PostAsync() => Statuses.PostStatus(Target, Commit, Status(), default);

    public static async Task<ForgeRequestException> FailsAsync(Func<Task> what) => await Assert.ThrowsAsync<ForgeRequestException>(what);

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        if (_services is not null)
        {
            await _services.DisposeAsync();
        }

        Directory.Delete(Root, recursive: true);
    }

    private sealed class Given(ConcurrentDictionary<string, GitCredential> credentials) : IRepositoryCredentials
    {
        public Task<GitCredential?> Find(RepositoryId repository, string cloneUrl, CancellationToken cancellationToken) =>
            Task.FromResult(credentials.GetValueOrDefault(cloneUrl));
    }
}
