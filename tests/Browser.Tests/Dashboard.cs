using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Playwright;
using Npgsql;
using Shipinator.Browser.Tests;
using Shipinator.EndToEnd.Tests;

[assembly: AssemblyFixture(typeof(Dashboard))]

namespace Shipinator.Browser.Tests;

/// <summary>A real standalone server as a process, and a real Chromium before it.</summary>
public sealed class Dashboard : IAsyncLifetime
{
    private static readonly string[] Quiet =
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
    private SiloProcess _server = null!;
    private IPlaywright _playwright = null!;
    private IBrowser _browser = null!;
    private string _token = "";
    private string _readerToken = "";

    public Uri Url { get; private set; } = null!;

    /// <summary>The API, as an admin.</summary>
    internal Api Api { get; private set; } = null!;

    /// <summary>The address that the server printed, which signs in once.</summary>
    public Uri SignInLink { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await SiloProcess.StartAsync(_bench.Data, null, "--port", "0");
        (Url, _token) = SiloProcess.Connection(_bench.Data);
        Api = new(Url, _token);
        SignInLink = await LinkAsync(_server);
        _readerToken = await NewTokenAsync("a reader", "read");
        _playwright = await Playwright.CreateAsync();
        // How quick the dashboard is, benchmarks measure; a machine that is busy with something else is no defect of it.
        Assertions.SetDefaultExpectTimeout(20_000);
        _browser = await LaunchAsync();
    }

    /// <summary>A browser; scrollbars, which tests go without, for those that drag one.</summary>
    public Task<IBrowser> LaunchAsync(bool hasScrollbars = false) =>
        _playwright.Chromium.LaunchAsync(
            new()
            {
                ExecutablePath = File.Exists("/usr/bin/chromium")
                    ? "/usr/bin/chromium"
                    : throw new InvalidOperationException("/usr/bin/chromium is missing: apt-get install chromium"),
                Args = Quiet,
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

    /// <summary>A browser of its own, signed in with an admin's token unless said otherwise.</summary>
    public async Task<Visitor> VisitAsync(
        Uri? url = null,
        bool asReader = false,
        bool signIn = true,
        Action<BrowserNewContextOptions>? configure = null,
        string? token = null,
        IBrowser? browser = null
    )
    {
        var options = new BrowserNewContextOptions
        {
            BaseURL = (url ?? Url).ToString(),
            ViewportSize = new() { Width = 1360, Height = 860 },
            ReducedMotion = ReducedMotion.Reduce,
            AcceptDownloads = true,
        };
        configure?.Invoke(options);
        var context = await (browser ?? _browser).NewContextAsync(options);
        context.SetDefaultTimeout(20_000);
        var visitor = new Visitor(context, await context.NewPageAsync(), url ?? Url, () => _server.Output);
        if (signIn)
        {
            await visitor.SignInAsync(token ?? (asReader ? _readerToken : _token));
        }

        return visitor;
    }

    public async Task<string> NewTokenAsync(string name, string role) =>
        (await Api.PostAsync("/v1/tokens", new { name, role })).GetProperty("token").GetString()!;

    /// <summary>A Git repository with this pipeline file.</summary>
    public Workbench Repository(string file)
    {
        var bench = new Workbench();
        _repositories.Add(bench);
        bench.Commit(file);
        return bench;
    }

    /// <summary>A run of a new repository; its id.</summary>
    internal async Task<string> RunAsync(string file) => await Api.TriggerAsync(await Api.RegisterAsync(Repository(file).Repository));

    /// <summary>A run that is over.</summary>
    internal async Task<string> EndedRunAsync(string file)
    {
        var run = await RunAsync(file);
        await Api.WaitForEndAsync(run, TimeSpan.FromSeconds(60));
        return run;
    }

    /// <summary>The last execution of a step.</summary>
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

    /// <summary>The link of a server that has just said that it listens: the line after that.</summary>
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

            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(20), "The server printed no link.");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    /// <summary>The database of this server.</summary>
    internal Task<NpgsqlDataSource> OpenDatabaseAsync() => OpenDatabaseAsync(_bench);

    /// <summary>The database that a standalone server keeps in its folder.</summary>
    internal static async Task<NpgsqlDataSource> OpenDatabaseAsync(Workbench bench)
    {
        using var kept = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(bench.Data, "postgres", "server.json")));
        return NpgsqlDataSource.Create(
            new NpgsqlConnectionStringBuilder
            {
                Host = "127.0.0.1",
                Port = kept.RootElement.GetProperty("Port").GetInt32(),
                Username = "shipinator",
                Database = "shipinator",
                Password = kept.RootElement.GetProperty("Password").GetString(),
            }
        );
    }

    /// <summary>Starts the same server again, as after a restart of the machine.</summary>
    internal static Task<SiloProcess> StartServerAsync(Workbench bench, params string[] arguments) =>
        SiloProcess.StartAsync(bench.Data, null, arguments);
}
