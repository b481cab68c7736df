using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Shipinator.Testing;

namespace Shipinator.KubernetesBattery;

/// <summary>Creates repositories and serves them over HTTP by <c>git http-backend</c>.</summary>
internal sealed class GitServer : IAsyncDisposable
{
    private readonly string _root;
    private readonly WebApplication _app;
    private readonly SemaphoreSlim _one = new(1, 1);

    private GitServer(string root, int port)
    {
        _root = root;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(string.Create(CultureInfo.InvariantCulture, $"http://0.0.0.0:{port}"));
        _app = builder.Build();
        _app.Run(context => GitHttpBackend.ServeAsync(context, _root));
    }

    /// <summary>Listens on the port of the address; 0 for any free port.</summary>
    public static async Task<GitServer> StartAsync(string root, Uri url)
    {
        Directory.CreateDirectory(root);
        var server = new GitServer(root, url.Port);
        await server._app.StartAsync();
        server.Url = new UriBuilder(url) { Port = new Uri(server._app.Urls.Single()).Port }.Uri;
        return server;
    }

    /// <summary>The address at which pods reach it.</summary>
    public Uri Url { get; private set; } = null!;

    public string CloneUrl(string repository) => new Uri(Url, $"/{repository}.git").ToString();

    /// <summary>Creates a repository whose branch <c>main</c> contains a pipeline file.</summary>
    public async Task CreateAsync(string repository, string pipeline)
    {
        var bare = Bare(repository);
        await Tool.RunAsync("git", ["init", "--quiet", "--bare", "--initial-branch", "main", bare]);
        await Tool.RunAsync("git", ["-C", bare, "config", "uploadpack.allowAnySHA1InWant", "true"]);
        await CommitAsync(repository, "main", pipeline);
    }

    /// <summary>Sets a branch to a commit with nothing but a pipeline file and a README.</summary>
    public async Task CommitAsync(string repository, string branch, string pipeline)
    {
        await _one.WaitAsync();
        try
        {
            var bare = Bare(repository);
            async Task<string> Git(string[] arguments, string? input = null) =>
                await Tool.RunAsync("git", ["-C", bare, .. arguments], input: input);
            var file = await Git(["hash-object", "-w", "--stdin"], pipeline);
            var readme = await Git(["hash-object", "-w", "--stdin"], "battery\n");
            var tree = await Git(["mktree"], $"100644 blob {file}\t.shipinator.yaml\n100644 blob {readme}\tREADME\n");
            var commit = await Git([
                "-c",
                "user.name=battery",
                "-c",
                "user.email=battery@example.invalid",
                "commit-tree",
                tree,
                "-m",
                branch,
            ]);
            await Git(["update-ref", $"refs/heads/{branch}", commit]);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Makes the repository unavailable.</summary>
    public void Remove(string repository) => Directory.Move(Bare(repository), Bare(repository) + ".gone");

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        _one.Dispose();
    }

    private string Bare(string repository) => Path.Combine(_root, repository + ".git");
}
