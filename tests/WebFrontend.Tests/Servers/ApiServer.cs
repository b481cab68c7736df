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

namespace Shipinator.WebFrontend.Tests.Servers;

/// <summary>A real server in this process, with the settings that one test needs.</summary>
public sealed class ApiServer : IAsyncDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("ship-web-own-").FullName;
    private readonly ShipinatorDatabase _database;
    private readonly WebApplication _app;
    private int _repositories;

    private ApiServer(
        string database,
        string runner,
        Action<ShipinatorOptions>? configure,
        Action<IServiceCollection>? replace,
        IEnumerable<KeyValuePair<string, string?>> settings
    )
    {
        _database = ShipinatorDatabase.Create(database);
        var port = DataFolder.FreePort();
        var options = new ShipinatorOptions { Port = port };
        options.Process.RunnerPath = runner;
        configure?.Invoke(options);
        var quiet = new ConfigurationBuilder().AddInMemoryCollection([new("Logging:LogLevel:Default", "Error"), .. settings]).Build();
        _app = SiloApp.Build([], quiet, options, _database, DataFolder.Open(_root, exclusive: false), port, replace);
        Url = new($"http://127.0.0.1:{port}");
    }

    public Uri Url { get; }

    public IServiceProvider Services => _app.Services;

    public HttpClient Admin { get; private set; } = null!;

    public string AdminToken { get; private set; } = "";

    public static async Task<ApiServer> StartAsync(
        string database,
        string runner,
        Action<ShipinatorOptions>? configure,
        Action<IServiceCollection>? replace,
        IEnumerable<KeyValuePair<string, string?>> settings
    )
    {
        var server = new ApiServer(database, runner, configure, replace, settings);
        await SiloApp.PrepareAsync(server._app);
        await server._app.StartAsync();
        server.AdminToken = await BootstrapTokens.CreateAsync(server.Services, $"admin of {server.Url.Port}", Policies.Admin);
        server.Admin = server.Client(server.AdminToken);
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        Admin.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        await _database.DisposeAsync();
        Directory.Delete(_root, recursive: true);
        WorkFolders.Remove(_root);
    }

    public HttpClient Client(string? token)
    {
        var client = Plain();
        if (token is not null)
        {
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        return client;
    }

    /// <summary>A client with the token of an execution.</summary>
    public HttpClient Runner(string execution) =>
        Client(Services.GetRequiredService<IExecutionTokens>().Issue(ExecutionId.Parse(execution)));

    /// <summary>A client that follows no redirect and keeps no cookie.</summary>
    public HttpClient Plain() => new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = Url };

    /// <summary>Signs in by a link, as a browser does; returns the cookie.</summary>
    public async Task<string> SignInAsync(string? token = null)
    {
        using var http = Plain();
        using var answer = await http.GetAsync(Services.GetRequiredService<SignInLinks>().Issue(token ?? AdminToken));
        return answer.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
    }

    public Task<string> PipelineAsync(string file, string? executor = null) =>
        ApiFixture.PipelineAsync(PostAsync, _root, Interlocked.Increment(ref _repositories), file, executor);

    public async Task<string> TriggerAsync(string pipeline) =>
        ApiFixture.Id(await PostAsync($"/v1/pipelines/{pipeline}/runs", new { git_ref = "main" }));

    public async Task<JsonElement> PostAsync(string path, object body)
    {
        using var response = await Admin.PostAsJsonAsync(path, body);
        Assert.True(response.IsSuccessStatusCode, $"{path}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    public Task<JsonElement> GetAsync(string path) => Admin.GetFromJsonAsync<JsonElement>(path)!;

    /// <summary>The executions of a run, in the order in which they reach a status.</summary>
    public async IAsyncEnumerable<string> ExecutionsAsync(string run, string status)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await foreach (var transition in new Client.ShipinatorClient(Admin).WatchRunAsync(run, deadline.Token))
        {
            if (transition.Machine == "execution" && transition.To == status)
            {
                yield return transition.EntityId;
            }
        }
    }

    /// <summary>The execution of a run that reaches a status as the first, or as number <paramref name="index"/>.</summary>
    public async Task<string> ExecutionAsync(string run, string status, int index = 0)
    {
        await foreach (var execution in ExecutionsAsync(run, status))
        {
            if (index-- == 0)
            {
                return execution;
            }
        }

        throw new InvalidOperationException($"No such execution of run {run} became {status}.");
    }
}
