using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Shipinator.KubernetesBattery;

/// <summary>Repositories made on the spot and served over HTTP by <c>git http-backend</c>.</summary>
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
        _app.Run(ServeAsync);
    }

    /// <summary>At the port of its address; 0 is any that is free.</summary>
    public static async Task<GitServer> StartAsync(string root, Uri url)
    {
        Directory.CreateDirectory(root);
        var server = new GitServer(root, url.Port);
        await server._app.StartAsync();
        server.Url = new UriBuilder(url) { Port = new Uri(server._app.Urls.Single()).Port }.Uri;
        return server;
    }

    /// <summary>By which pods reach it.</summary>
    public Uri Url { get; private set; } = null!;

    public string CloneUrl(string repository) => new Uri(Url, $"/{repository}.git").ToString();

    /// <summary>A repository whose branch <c>main</c> holds a pipeline file.</summary>
    public async Task CreateAsync(string repository, string pipeline)
    {
        var bare = Bare(repository);
        await Tool.RunAsync("git", ["init", "--quiet", "--bare", "--initial-branch", "main", bare]);
        await Tool.RunAsync("git", ["-C", bare, "config", "uploadpack.allowAnySHA1InWant", "true"]);
        await CommitAsync(repository, "main", pipeline);
    }

    /// <summary>A branch with nothing but a pipeline file and a README.</summary>
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

    /// <summary>From now on nobody finds it.</summary>
    public void Remove(string repository) => Directory.Move(Bare(repository), Bare(repository) + ".gone");

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        _one.Dispose();
    }

    private string Bare(string repository) => Path.Combine(_root, repository + ".git");

    /// <summary>The gateway interface of old: the request in the environment and on the input, the answer with its head on the output.</summary>
    private async Task ServeAsync(HttpContext context)
    {
        var request = context.Request;
        var start = new ProcessStartInfo("git", ["http-backend"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["GIT_PROJECT_ROOT"] = _root;
        start.Environment["GIT_HTTP_EXPORT_ALL"] = "1";
        start.Environment["PATH_INFO"] = request.Path;
        start.Environment["QUERY_STRING"] = request.QueryString.Value?.TrimStart('?');
        start.Environment["REQUEST_METHOD"] = request.Method;
        start.Environment["CONTENT_TYPE"] = request.ContentType;
        start.Environment["HTTP_CONTENT_ENCODING"] = request.Headers.ContentEncoding.ToString();
        start.Environment["GIT_PROTOCOL"] = request.Headers["Git-Protocol"].ToString();
        start.Environment["REMOTE_ADDR"] = context.Connection.RemoteIpAddress?.ToString();
        if (request.ContentLength is { } length)
        {
            start.Environment["CONTENT_LENGTH"] = length.ToString(CultureInfo.InvariantCulture);
        }

        using var git = Process.Start(start)!;
        var feed = Task.Run(async () =>
        {
            await request.Body.CopyToAsync(git.StandardInput.BaseStream);
            git.StandardInput.Close();
        });
        git.ErrorDataReceived += (_, _) => { };
        git.BeginErrorReadLine();
        var output = git.StandardOutput.BaseStream;
        for (var line = await LineAsync(output); line.Length > 0; line = await LineAsync(output))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            var (name, value) = (line[..colon], line[(colon + 1)..].Trim());
            if (name == "Status")
            {
                context.Response.StatusCode = int.Parse(value.Split(' ')[0], CultureInfo.InvariantCulture);
            }
            else
            {
                context.Response.Headers[name] = value;
            }
        }

        await output.CopyToAsync(context.Response.Body);
        await feed;
        await git.WaitForExitAsync();
    }

    private static async Task<string> LineAsync(Stream stream)
    {
        var line = new StringBuilder();
        var one = new byte[1];
        while (await stream.ReadAsync(one) == 1 && one[0] != '\n')
        {
            line.Append((char)one[0]);
        }

        return line.ToString().TrimEnd('\r');
    }
}
