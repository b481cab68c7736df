using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Playwright;
using Npgsql;
using Shipinator.Browser.Tests;
using Shipinator.EndToEnd.Tests;

[assembly: AssemblyFixture(typeof(Dashboard))]

namespace Shipinator.Browser.Tests;

/// <summary>A standalone server as a process and a Chromium, shared by all tests.</summary>
public sealed class Dashboard : IAsyncLifetime
{
    private static readonly string[] BrowserArguments =
    [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ];

    private readonly Workbench _bench = new();
    private readonly ConcurrentBag<Workbench> _repositories = [];
    private readonly ConcurrentDictionary<string, Lazy<Task<string>>> _sessions = new();
    private SiloProcess _server = null!;
    private IPlaywright _playwright = null!;
    private IBrowser _browser = null!;
    private string _token = "";
    private string _readerToken = "";

    public Uri Url { get; private set; } = null!;

    /// <summary>The API with the admin role.</summary>
    internal Api Api { get; private set; } = null!;

    /// <summary>The sign-in link that the server printed; it works once.</summary>
    public Uri SignInLink { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        // Exceptions of the browser's calls: the browser itself gets no detail.
        var environment = new Dictionary<string, string>
        {
            ["Logging__LogLevel__Microsoft.AspNetCore.Components.Server.Circuits.RemoteJSRuntime"] = "Debug",
        };
        _server = await SiloProcess.StartAsync(_bench.Data, environment, "--port", "0");
        (Url, _token) = SiloProcess.Connection(_bench.Data);
        Api = new(Url, _token);
        SignInLink = await LinkAsync(_server);
        _readerToken = await NewTokenAsync("reader", "read");
        _playwright = await Playwright.CreateAsync();
        // Benchmarks measure the speed of the dashboard; these tests must pass on a busy machine.
        Assertions.SetDefaultExpectTimeout(20_000);
        _browser = await LaunchAsync();
    }

    /// <summary>A new browser; with scrollbars for tests that drag one.</summary>
    public Task<IBrowser> LaunchAsync(bool hasScrollbars = false) =>
        _playwright.Chromium.LaunchAsync(
            new()
            {
                ExecutablePath = File.Exists("/usr/bin/chromium")
                    ? "/usr/bin/chromium"
                    : throw new InvalidOperationException("/usr/bin/chromium is missing: apt-get install chromium"),
                Args = BrowserArguments,
                IgnoreDefaultArgs = hasScrollbars ? ["--hide-scrollbars"] : [],
            }
        );

    public async ValueTask DisposeAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
        Api.Dispose();
        await _server.DisposeAsync();
        foreach (var bench in _repositories.Append(_bench))
        {
            bench.Dispose();
        }
    }

    /// <summary>
    /// A new browser context, signed in with the admin role unless specified otherwise. Its page is still blank. Contexts of one role share
    /// a session, except for another server, another token, or <paramref name="ownSession"/>, for tests that end it.
    /// </summary>
    public async Task<Visitor> VisitAsync(
        Uri? url = null,
        bool asReader = false,
        bool signIn = true,
        Action<BrowserNewContextOptions>? configure = null,
        string? token = null,
        IBrowser? browser = null,
        bool ownSession = false
    )
    {
        var isShared = signIn && url is null && token is null && !ownSession;
        var options = new BrowserNewContextOptions
        {
            BaseURL = (url ?? Url).ToString(),
            ViewportSize = new() { Width = 1360, Height = 860 },
            ReducedMotion = ReducedMotion.Reduce,
            AcceptDownloads = true,
        };
        configure?.Invoke(options);
        if (isShared)
        {
            var role = asReader ? _readerToken : _token;
            options.StorageState = await _sessions.GetOrAdd(role, t => new(() => NewSessionAsync(t))).Value;
        }

        var context = await (browser ?? _browser).NewContextAsync(options);
        context.SetDefaultTimeout(20_000);
        var visitor = new Visitor(context, await context.NewPageAsync(), url ?? Url, () => _server.Output);
        if (isShared)
        {
            visitor.Listen();
        }
        else if (signIn)
        {
            await visitor.SignInAsync(token ?? (asReader ? _readerToken : _token));
        }

        return visitor;
    }

    /// <summary>The cookies of a browser that has signed in.</summary>
    private async Task<string> NewSessionAsync(string token)
    {
        await using var visitor = await VisitAsync(token: token);
        return await visitor.Context.StorageStateAsync();
    }

    public async Task<string> NewTokenAsync(string name, string role) =>
        (await Api.PostAsync("/v1/tokens", new { name, role })).GetProperty("token").GetString()!;

    /// <summary>A new Git repository with this pipeline file.</summary>
    public Workbench Repository(string file)
    {
        var bench = new Workbench();
        _repositories.Add(bench);
        bench.Commit(file);
        return bench;
    }

    /// <summary>Starts a run of a new repository and returns its id.</summary>
    internal async Task<string> RunAsync(string file) => await Api.TriggerAsync(await Api.RegisterAsync(Repository(file).Repository));

    /// <summary>As <see cref="RunAsync"/>, and waits until the run is terminal.</summary>
    internal async Task<string> EndedRunAsync(string file)
    {
        var run = await RunAsync(file);
        await Api.WaitForEndAsync(run, TimeSpan.FromSeconds(180));
        return run;
    }

    /// <summary>The id of the last execution of a step; waits until there is one.</summary>
    internal async Task<string> ExecutionAsync(string run, string step)
    {
        JsonElement[] executions = [];
        await Api.WaitForRunAsync(
            run,
            _ =>
            {
                executions =
                [
                    .. Api.StepsAsync(run)
                        .GetAwaiter()
                        .GetResult()
                        .Where(s => s.GetProperty("name").GetString() == step)
                        .SelectMany(s => s.GetProperty("executions").EnumerateArray()),
                ];
                return executions.Length > 0;
            },
            $"an execution of {step}",
            TimeSpan.FromSeconds(30)
        );
        return executions[^1].GetProperty("id").GetString()!;
    }

    /// <summary>The sign-in link of a server that was just started. It is printed after the line that the server listens.</summary>
    internal static async Task<Uri> LinkAsync(SiloProcess server)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            if (server.Output.Split('\n').FirstOrDefault(l => l.Contains("Sign in", StringComparison.Ordinal)) is { } line)
            {
                return new(
                    line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Single(w => w.StartsWith("http", StringComparison.Ordinal))
                );
            }

            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(20), "The server printed no sign-in link.");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    /// <summary>The database of this server.</summary>
    internal Task<NpgsqlDataSource> OpenDatabaseAsync() => OpenDatabaseAsync(_bench);

    /// <summary>The database of the standalone server with this data folder.</summary>
    internal static async Task<NpgsqlDataSource> OpenDatabaseAsync(Workbench bench)
    {
        using var connection = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(bench.Data, "postgres", "server.json")));
        return NpgsqlDataSource.Create(
            new NpgsqlConnectionStringBuilder
            {
                Host = "127.0.0.1",
                Port = connection.RootElement.GetProperty("Port").GetInt32(),
                Username = "shipinator",
                Database = "shipinator",
                Password = connection.RootElement.GetProperty("Password").GetString(),
            }
        );
    }

    /// <summary>Starts a server with this data folder.</summary>
    internal static Task<SiloProcess> StartServerAsync(Workbench bench, params string[] arguments) =>
        SiloProcess.StartAsync(bench.Data, null, arguments);
}
