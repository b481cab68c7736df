using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Tests.Servers;

namespace Shipinator.WebFrontend.Tests.Webhooks;

/// <summary>A repository with a webhook at a server, and the Git repository behind it.</summary>
internal sealed class WebhookBench : IDisposable
{
    public const string File = "image: none\non: { push: {}, pr: {} }\nbuild: { steps: [ { name: one, run: \"true\" } ] }\n";
    private readonly ApiServer _server;

    private WebhookBench(ApiServer server) => _server = server;

    public string Folder { get; } = Directory.CreateTempSubdirectory("ship-hook-").FullName;

    public string Repository { get; private set; } = "";

    public RepositoryId Id => RepositoryId.Parse(Repository);

    public DeliveryStore Deliveries => _server.Services.GetRequiredService<DeliveryStore>();

    public static Task<ApiServer> ServerAsync(
        ApiFixture api,
        Action<IServiceCollection>? more = null,
        string? database = null,
        Action<Silo.Configuration.ShipinatorOptions>? configure = null
    ) =>
        api.ServerAsync(
            configure,
            s =>
            {
                SilentExecutors.Use(s);
                SignedForge.Use(s);
                more?.Invoke(s);
            },
            database
        );

    public static async Task<WebhookBench> CreateAsync(ApiServer server, string? file = File)
    {
        var bench = new WebhookBench(server);
        bench.Git("init", "-q", "-b", "main");
        bench.Commit("main", file);
        var project = await server.PostAsync("/v1/projects", new { name = Path.GetFileName(bench.Folder) });
        var repository = await server.PostAsync(
            $"/v1/projects/{ApiFixture.Id(project)}/repositories",
            new
            {
                vcs_provider = SignedForge.Name,
                clone_url = bench.Folder,
                default_branch = "main",
            }
        );
        bench.Repository = ApiFixture.Id(repository);
        return bench;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    public string Commit(string branch, string? file, string message = "a change", params (string Path, string Content)[] others)
    {
        if (
            System.IO.File.Exists(Path.Combine(Folder, ".git", "HEAD"))
            && Git("branch", "--list", branch).Length == 0
            && Git("branch").Length > 0
        )
        {
            Git("checkout", "-q", "-b", branch);
        }
        else if (Git("branch").Length > 0)
        {
            Git("checkout", "-q", branch);
        }

        var path = Path.Combine(Folder, ".shipinator.yaml");
        if (file is null)
        {
            System.IO.File.Delete(path);
        }
        else
        {
            System.IO.File.WriteAllText(path, file);
        }

        foreach (var (name, content) in others)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(Folder, name))!);
            System.IO.File.WriteAllText(Path.Combine(Folder, name), content);
        }

        Git("add", "-A");
        Git("-c", "user.name=Ada", "-c", "user.email=a@example.invalid", "commit", "-q", "--allow-empty", "-m", message);
        return Git("rev-parse", "HEAD");
    }

    public string Git(params string[] arguments)
    {
        using var git = Process.Start(
            new ProcessStartInfo("git", arguments)
            {
                WorkingDirectory = Folder,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            }
        )!;
        var output = git.StandardOutput.ReadToEnd();
        var error = git.StandardError.ReadToEnd();
        git.WaitForExit();
        Assert.True(git.ExitCode == 0, error);
        return output.Trim();
    }

    public static ForgePush Push(string after, string? before = null, string gitRef = "refs/heads/main") =>
        new()
        {
            Ref = gitRef,
            Before = before,
            After = after,
            Sender = "ada",
            CompareUrl = "https://forge.example/compare",
        };

    public static ForgePullRequest Pull(string head, PullRequestAction action = PullRequestAction.Opened, int number = 7) =>
        new()
        {
            Action = action,
            Number = number,
            Title = "Add a feature",
            Url = $"https://forge.example/pulls/{number}",
            HeadRef = $"refs/pull/{number}/head",
            HeadCommit = head,
            HeadBranch = "feature",
            HeadRepository = "shop/web",
            BaseBranch = "main",
            Sender = "ada",
        };

    /// <summary>Sends a delivery, which must be accepted; returns its id.</summary>
    public async Task<string> SendAsync(ForgeEvent reported, string? deliveryId = null, ApiServer? to = null)
    {
        using var http = (to ?? _server).Client(null);
        using var request = SignedForge.Request(Repository, reported, deliveryId ?? Guid.CreateVersion7().ToString());
        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.True(HttpStatusCode.Accepted == response.StatusCode, await response.Content.ReadAsStringAsync());
        return ApiFixture.Id(await response.Content.ReadFromJsonAsync<JsonElement>());
    }

    /// <summary>Waits for the outcome of a delivery, woken by the database.</summary>
    public async Task<DeliveryRow> OutcomeAsync(string delivery)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await foreach (var _ in _server.Services.GetRequiredService<IChangeFeed>().Changes(null, patience.Token))
        {
            if (await Deliveries.GetAsync(DeliveryId.Parse(delivery), patience.Token) is { Outcome: not null } row)
            {
                return row;
            }
        }

        throw new TimeoutException($"Delivery {delivery} has no outcome.");
    }

    /// <summary>Sends a delivery and waits for its outcome.</summary>
    public async Task<DeliveryRow> DeliverAsync(ForgeEvent reported) => await OutcomeAsync(await SendAsync(reported));

    /// <summary>All runs of the repository, newest first.</summary>
    public async Task<IReadOnlyList<JsonElement>> RunsAsync() =>
        [.. (await _server.GetAsync($"/v1/pipeline-runs?repository={Repository}")).GetProperty("items").EnumerateArray()];

    public async Task<JsonElement> RunAsync(DeliveryRow row) => await _server.GetAsync($"/v1/pipeline-runs/{row.Runs[^1]}");
}
