using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Shipinator.Schema;
using Shipinator.Silo.Configuration;
using Shipinator.Silo.Hosting;
using Shipinator.Silo.Standalone;
using Shipinator.Testing;
using Shipinator.WebFrontend.Security;
using Shipinator.WebFrontend.Tests;
using Shipinator.WebFrontend.Tests.Servers;

[assembly: AssemblyFixture(typeof(ApiFixture))]

namespace Shipinator.WebFrontend.Tests;

/// <summary>The real server in this process: Kestrel, a silo, PostgreSQL, the process executor.</summary>
public sealed class ApiFixture : IAsyncLifetime
{
    /// <summary>The value of the secret <c>DEPLOY_KEY</c>.</summary>
    public const string DeployKey = "it's a d3ploy/key+value";

    private readonly PostgresFixture _postgres = new();
    private readonly string _root = Directory.CreateTempSubdirectory("ship-web-").FullName;
    private ShipinatorDatabase _database = null!;
    private WebApplication _app = null!;
    private int _repositories;

    public Uri Url { get; private set; } = null!;

    public HttpClient Admin { get; private set; } = null!;

    public HttpClient Reader { get; private set; } = null!;

    public HttpClient Anonymous { get; private set; } = null!;

    /// <summary>The path of the static runner; the file does not exist at first.</summary>
    public string StaticRunner => Path.Combine(_root, "static-runner");

    /// <summary>The limit of a step's log.</summary>
    public const int MaxLogBytes = 2 * 1024 * 1024;

    /// <summary>The folder of stored artifacts.</summary>
    public string Artifacts => Path.Combine(_root, "artifacts");

    public IServiceProvider Services => _app.Services;

    public async ValueTask InitializeAsync()
    {
        await _postgres.InitializeAsync();
        _database = ShipinatorDatabase.Create(await _postgres.CreateDatabaseAsync());
        var folder = DataFolder.Open(_root, exclusive: false);
        var port = DataFolder.FreePort();
        var options = new ShipinatorOptions { Port = port, StaticRunnerPath = StaticRunner };
        options.Process.RunnerPath = RunnerPath();
        // Tests send many invalid tokens; tests of the limits have servers of their own.
        options.Limits.FailedSignInsPerMinute = options.Limits.WrongTokensPerMinute = 0;
        // A log at its limit is masked twice, by the runner and by the server, so the limit is small.
        options.Storage.MaxLogBytes = MaxLogBytes;
        options.Storage.MaxRunArtifactBytes = 30 * 1024 * 1024;
        // Tests provoke many errors; their log would bury the failure that somebody looks for.
        var quiet = new ConfigurationBuilder()
            .AddInMemoryCollection([new("Logging:LogLevel:Default", "Warning"), new("Shipinator:Secrets:DEPLOY_KEY", DeployKey)])
            .Build();
        _app = SiloApp.Build([], quiet, options, _database, folder, port);
        await SiloApp.PrepareAsync(_app);
        await _app.StartAsync();
        Url = new($"http://127.0.0.1:{port}");
        Admin = Client(await BootstrapTokens.CreateAsync(_app.Services, "admin", Policies.Admin));
        Reader = Client(await BootstrapTokens.CreateAsync(_app.Services, "reader", Policies.Read));
        Anonymous = Client(null);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        await _database.DisposeAsync();
        await _postgres.DisposeAsync();
        Directory.Delete(_root, recursive: true);
        WorkFolders.Remove(_root);
    }

    /// <summary>Another server, with a database of its own unless one is given, for tests that would disturb others.</summary>
    public async Task<ApiServer> ServerAsync(
        Action<ShipinatorOptions>? configure = null,
        Action<IServiceCollection>? replace = null,
        string? database = null,
        IEnumerable<KeyValuePair<string, string?>>? settings = null
    ) => await ApiServer.StartAsync(database ?? await _postgres.CreateDatabaseAsync(), RunnerPath(), configure, replace, settings ?? []);

    /// <summary>A new, empty database, for servers that share one.</summary>
    public Task<string> DatabaseAsync() => _postgres.CreateDatabaseAsync();

    public HttpClient Client(string? token)
    {
        var client = new HttpClient { BaseAddress = Url };
        if (token is not null)
        {
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        return client;
    }

    /// <summary>A repository with a pipeline file; returns its manual pipeline.</summary>
    public Task<string> PipelineAsync(string file, params (string Path, string Content)[] others) =>
        PipelineAsync(PostAsync, _root, Interlocked.Increment(ref _repositories), file, null, others);

    public static async Task<string> PipelineAsync(
        Func<string, object, Task<JsonElement>> post,
        string root,
        int number,
        string file,
        string? executor = null,
        params (string Path, string Content)[] others
    )
    {
        var path = Path.Combine(root, $"repository-{number}");
        Directory.CreateDirectory(path);
        await File.WriteAllTextAsync(Path.Combine(path, ".shipinator.yaml"), file);
        foreach (var (name, content) in others)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(path, name))!);
            await File.WriteAllTextAsync(Path.Combine(path, name), content);
        }

        await GitAsync(path, "init", "-q", "-b", "main");
        await GitAsync(path, "add", "-A");
        await GitAsync(path, "-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "-q", "-m", "one");
        var project = await post("/v1/projects", new { name = Path.GetFileName(path) });
        var repository = await post(
            $"/v1/projects/{Id(project)}/repositories",
            new
            {
                vcs_provider = "git",
                clone_url = path,
                default_branch = "main",
                executor,
            }
        );
        var pipelines = await post($"/v1/repositories/{Id(repository)}/sync", new { });
        return Id(pipelines.GetProperty("items").EnumerateArray().Single(p => p.GetProperty("trigger_type").GetString() == "manual"));
    }

    public async Task<string> TriggerAsync(string pipeline) =>
        Id(await PostAsync($"/v1/pipelines/{pipeline}/runs", new { git_ref = "main" }));

    public async Task<JsonElement> PostAsync(string path, object body)
    {
        using var response = await Admin.PostAsJsonAsync(path, body);
        Assert.True(response.IsSuccessStatusCode, $"{path}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    public Task<JsonElement> GetAsync(string path) => Admin.GetFromJsonAsync<JsonElement>(path)!;

    /// <summary>Follows the events of a run until it is terminal; returns the run.</summary>
    public async Task<JsonElement> EndAsync(string run)
    {
        await foreach (
            var _ in new Shipinator.Client.ShipinatorClient(Admin).WatchRunAsync(
                run,
                new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token
            )
        )
        {
            // Only the end matters.
        }

        return await GetAsync($"/v1/pipeline-runs/{run}");
    }

    public static string Id(JsonElement element) => element.GetProperty("id").GetString()!;

    private static async Task GitAsync(string path, params string[] arguments)
    {
        using var git = Process.Start(new ProcessStartInfo("git", arguments) { WorkingDirectory = path })!;
        await git.WaitForExitAsync();
        Assert.Equal(0, git.ExitCode);
    }

    private static string RunnerPath()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "Shipinator.sln")))
        {
            folder = folder.Parent;
        }

        var configuration = AppContext.BaseDirectory.Contains("/Release/", StringComparison.Ordinal) ? "Release" : "Debug";
        return Path.Combine(folder.FullName, "Silo", "bin", configuration, "net10.0", "runner", "Shipinator.Runner.dll");
    }
}
