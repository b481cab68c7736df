using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Shipinator.Schema.Stores;
using Shipinator.Triggers;
using Shipinator.Triggers.Runs;
using Shipinator.WebFrontend.Tests.Servers;

namespace Shipinator.WebFrontend.Tests.Operations;

/// <summary>What a trigger asks of the forge, the limits and the planner, and how often.</summary>
public sealed class RunTriggerTests(ApiFixture api)
{
    private const string File = "image: none\nbuild:\n  steps:\n    - { name: one, run: \"echo {{ .run_number }}\" }\n";

    [Fact]
    public async Task Trigger_AsksTheForgeOnceAndPlansOnce()
    {
        var executors = new CountingExecutors();
        await using var server = await api.ServerAsync(replace: s =>
        {
            CountingForges.Use(s);
            s.Replace(ServiceDescriptor.Singleton<IExecutorRegistry>(executors));
        });
        var pipeline = await server.PipelineAsync(File);
        var forges = Forges(server);
        forges.TakeCalls();
        executors.Plans = 0;

        var run = await server.PostAsync($"/v1/pipelines/{pipeline}/runs", new { git_ref = "main" });
        Assert.Equal(["ReadAt"], forges.TakeCalls());
        Assert.Equal(1, executors.Plans);

        var sha = run.GetProperty("git_sha").GetString();
        await server.PostAsync($"/v1/pipelines/{pipeline}/runs", new { git_ref = "main", git_sha = sha });
        Assert.Equal(["ReadAt"], forges.TakeCalls());
        Assert.Equal(2, executors.Plans);
    }

    [Fact]
    public async Task Trigger_SideBySide_EachPlanHasTheNumberOfItsRun()
    {
        await using var server = await api.ServerAsync(replace: SilentExecutors.Use);
        var pipeline = await server.PipelineAsync(File);
        var runs = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => server.TriggerAsync(pipeline)));
        var grains = server.Services.GetRequiredService<IGrainFactory>();
        var records = await Task.WhenAll(
            runs.Select(r => grains.GetGrain<IPipelineRunGrain>(RunId.Parse(r).Value).Get(TestContext.Current.CancellationToken))
        );
        Assert.Equal(Enumerable.Range(1, 8).Select(n => (long)n), records.Select(r => r.RunNumber).Order());
        Assert.All(records, r => Assert.Equal($"echo {r.RunNumber}", r.Plan.Jobs.Single().Steps.Single().Run));
    }

    [Fact]
    public async Task RepeatedKey_NeedsNeitherForgeNorLimit()
    {
        await using var server = await api.ServerAsync(
            o => (o.Limits.RunsPerMinutePerToken, o.Limits.RunsPerMinutePerRepository) = (2, 2),
            s =>
            {
                SilentExecutors.Use(s);
                CountingForges.Use(s);
            }
        );
        var pipeline = await server.PipelineAsync(File);
        var path = $"/v1/pipelines/{pipeline}/runs";
        var first = await SendAsync(server, path, new { git_ref = "main" }, "key");
        await server.PostAsync($"/v1/pipeline-runs/{first.Id}/cancel", new { });
        await server.ExecutionAsync(first.Id, "canceled");
        var rerun = await SendAsync(server, $"/v1/pipeline-runs/{first.Id}/rerun", new { from = "start" }, "again");
        Assert.Equal((HttpStatusCode.Created, false), (rerun.Status, rerun.IsReplayed));
        var forges = Forges(server);
        forges.TakeCalls();

        // Both limits are exhausted: a new run is refused, an old key is not.
        Assert.Equal(HttpStatusCode.TooManyRequests, (await SendAsync(server, path, new { git_ref = "main" }, "other")).Status);
        Assert.Equal(first with { IsReplayed = true }, await SendAsync(server, path, new { git_ref = "main" }, "key"));
        Assert.Equal(
            rerun with
            {
                IsReplayed = true,
            },
            await SendAsync(server, $"/v1/pipeline-runs/{first.Id}/rerun", new { from = "start" }, "again")
        );
        Assert.Equal(HttpStatusCode.Conflict, (await SendAsync(server, path, new { git_ref = "other" }, "key")).Status);
        Assert.Empty(forges.TakeCalls());
    }

    [Fact]
    public async Task Preview_RefusesWhatATriggerRefuses()
    {
        var store = api.Services.GetRequiredService<PipelineStore>();
        var manual = (await store.GetAsync(PipelineId.Parse(await api.PipelineAsync(File)), TestContext.Current.CancellationToken))!;
        // The file has defined it once, and does not any more.
        var pipeline = (await store.EnsureAsync(manual.RepositoryId, manual.Name, "schedule", TestContext.Current.CancellationToken)).Id;
        var request = new RunRequest { GitRef = "main", Actor = new(ActorKind.Token, "tests") };
        var error = await Assert.ThrowsAsync<InvalidInputException>(() => Preview.ShowAsync(pipeline, request, default));
        Assert.Equal("trigger_not_defined", error.Code);
        await Assert.ThrowsAsync<MalformedException>(() => Preview.ShowAsync(pipeline, request with { GitRef = "" }, default));
        await Assert.ThrowsAsync<MalformedException>(() =>
            Preview.ShowAsync(pipeline, request with { GitRef = new string('r', 251) }, default)
        );
    }

    private RunPreview Preview => api.Services.GetRequiredService<RunPreview>();

    private static CountingForges Forges(ApiServer server) => (CountingForges)server.Services.GetRequiredService<IForgeRegistry>();

    private static async Task<Sent> SendAsync(ApiServer server, string path, object body, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body) };
        request.Headers.Add("Idempotency-Key", key);
        using var response = await server.Admin.SendAsync(request);
        var json = await response.Content.ReadFromJsonAsync<JsonElement>();
        return new(
            response.StatusCode,
            response.IsSuccessStatusCode ? ApiFixture.Id(json) : "",
            response.Headers.Contains("Idempotent-Replayed")
        );
    }

    private sealed record Sent(HttpStatusCode Status, string Id, bool IsReplayed);

    /// <summary>Executors that start nothing; a plan asks one of them once whether it can run services.</summary>
    private sealed class CountingExecutors : IExecutorRegistry
    {
        private readonly SilentExecutors _silent = new();
        private int _plans;

        public int Plans
        {
            get => _plans;
            set => _plans = value;
        }

        public IReadOnlyCollection<string> Types => _silent.Types;

        public IWorkerExecutor Get(string type) => new Counted(_silent.Get(type), () => Interlocked.Increment(ref _plans));

        private sealed class Counted(IWorkerExecutor executor, Action planned) : IWorkerExecutor
        {
            public string Type => executor.Type;

            public bool RunnersClone => executor.RunnersClone;

            public bool RunnersServeRetries => executor.RunnersServeRetries;

            public bool CanRunServices
            {
                get
                {
                    planned();
                    return executor.CanRunServices;
                }
            }

            public Task<ExecutionHandle> Submit(ExecutionSpec spec, CancellationToken cancellationToken) =>
                executor.Submit(spec, cancellationToken);

            public Task<ExecutionStatus> Status(ExecutionHandle handle, CancellationToken cancellationToken) =>
                executor.Status(handle, cancellationToken);

            public Task Cancel(ExecutionHandle handle, CancellationToken cancellationToken) => executor.Cancel(handle, cancellationToken);

            public Task Release(JobId job, int attempt, CancellationToken cancellationToken) =>
                executor.Release(job, attempt, cancellationToken);
        }
    }
}
