using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Shipinator.Triggers;
using Shipinator.Triggers.Planning;

namespace Shipinator.WebFrontend.Tests;

/// <summary>Runs over HTTP, with real pipelines behind them.</summary>
public sealed class RunTests(ApiFixture api)
{
    private const string Quick =
        "image: none\nbuild:\n  steps:\n    - { name: one, run: \"echo first line; echo second line\", "
        + "outputs: [ { type: file, path: .shipinator.yaml } ] }\n";

    [Fact]
    public async Task Run_OfARealPipeline_EndsInSuccessWithLogArtifactAndHistory()
    {
        var run = await api.TriggerAsync(await api.PipelineAsync(Quick));
        var end = await api.EndAsync(run);
        Assert.True(end.GetProperty("status").GetString() == "success", end.ToString());

        var execution = await OnlyExecutionAsync(run);
        var log = await api.Admin.GetStringAsync($"/v1/executions/{ApiFixture.Id(execution)}/logs");
        Assert.Contains("first line\nsecond line\n", log, StringComparison.Ordinal);
        Assert.Equal(log, await api.Admin.GetStringAsync($"/v1/executions/{ApiFixture.Id(execution)}/logs?follow=true"));
        Assert.Equal(log[5..], await api.Admin.GetStringAsync($"/v1/executions/{ApiFixture.Id(execution)}/logs?offset=5"));

        var artifact = execution.GetProperty("artifacts").EnumerateArray().Single();
        using var download = await api.Admin.GetAsync($"/v1/artifacts/{ApiFixture.Id(artifact)}/download");
        Assert.Equal(Quick, await download.Content.ReadAsStringAsync());
        Assert.Equal($"\"{artifact.GetProperty("checksum").GetString()}\"", download.Headers.ETag?.Tag);
        Assert.Equal("attachment", download.Content.Headers.ContentDisposition?.DispositionType);

        var history = (await api.GetAsync($"/v1/pipeline-runs/{run}/history")).GetProperty("items").EnumerateArray().ToList();
        Assert.Equal(
            ["pending", "running", "success"],
            history.Where(t => t.GetProperty("machine").GetString() == "run").Select(t => t.GetProperty("to").GetString())
        );
    }

    [Fact]
    public async Task Log_RangeOfBytes_IsAPartialAnswer()
    {
        var run = await api.TriggerAsync(await api.PipelineAsync(Quick));
        await api.EndAsync(run);
        var path = $"/v1/executions/{ApiFixture.Id(await OnlyExecutionAsync(run))}/logs";
        using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { Range = new RangeHeaderValue(2, 6) } };
        using var response = await api.Admin.SendAsync(request);
        Assert.Equal(HttpStatusCode.PartialContent, response.StatusCode);
        Assert.Equal((await api.Admin.GetStringAsync(path))[2..7], await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Create_SameIdempotencyKey_IsTheSameRunAndAnotherBodyIsAConflict()
    {
        var pipeline = await api.PipelineAsync(Quick);
        var (first, _) = await CreateAsync(pipeline, new { git_ref = "main" }, "key-1");
        var (again, response) = await CreateAsync(pipeline, new { git_ref = "main" }, "key-1");
        Assert.Equal(ApiFixture.Id(first), ApiFixture.Id(again));
        Assert.Equal("true", response.Headers.GetValues("Idempotent-Replayed").Single());

        var (problem, other) = await CreateAsync(pipeline, new { git_ref = "refs/heads/main" }, "key-1");
        Assert.Equal(HttpStatusCode.Conflict, other.StatusCode);
        Assert.Equal("idempotency_key_reused", problem.GetProperty("code").GetString());
        await api.EndAsync(ApiFixture.Id(first));
    }

    [Fact]
    public async Task Get_WithTheETagOfBefore_IsNotModified()
    {
        var run = await api.TriggerAsync(await api.PipelineAsync(Quick));
        await api.EndAsync(run);
        foreach (var path in new[] { $"/v1/pipeline-runs/{run}", $"/v1/pipeline-runs/{run}/jobs" })
        {
            using var first = await api.Admin.GetAsync(path);
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.IfNoneMatch.Add(first.Headers.ETag!);
            using var second = await api.Admin.SendAsync(request);
            Assert.Equal(HttpStatusCode.NotModified, second.StatusCode);
        }
    }

    [Fact]
    public async Task Events_ResumedAfterALine_ContinueWithoutRepeats()
    {
        var run = await api.TriggerAsync(await api.PipelineAsync(Quick));
        await api.EndAsync(run);
        var all = await CursorsAsync(run, null);
        var rest = await CursorsAsync(run, all[2]);
        Assert.Equal(all.Skip(3), rest);
        Assert.Equal(all.Count, all.Distinct().Count());
    }

    [Fact]
    public async Task Cancel_WhileAStepRuns_EndsCanceledByTheTokensName()
    {
        var run = await api.TriggerAsync(
            await api.PipelineAsync("image: none\nbuild:\n  steps:\n    - { name: long, run: \"sleep 300\" }\n")
        );
        await foreach (var t in new Shipinator.Client.ShipinatorClient(api.Admin).WatchRunAsync(run))
        {
            if (t is { Machine: "execution", To: "running" })
            {
                await api.PostAsync($"/v1/pipeline-runs/{run}/cancel", new { });
            }
        }

        var end = await api.GetAsync($"/v1/pipeline-runs/{run}");
        Assert.Equal("canceled", end.GetProperty("status").GetString());
        Assert.Equal("canceled_by_user", end.GetProperty("reason").GetString());
        Assert.Contains("admin", end.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RerunFailed_RunsOnlyWhatFailed()
    {
        var pipeline = await api.PipelineAsync(
            "image: none\nbuild:\n  steps:\n    - { name: fine, run: \"true\" }\ntest:\n  steps:\n    - { name: broken, run: \"exit 3\" }\n"
        );
        var run = await api.TriggerAsync(pipeline);
        var end = await api.EndAsync(run);
        Assert.Equal("failed", end.GetProperty("status").GetString());
        Assert.Equal("exit_code", end.GetProperty("reason").GetString());

        var again = ApiFixture.Id(await api.PostAsync($"/v1/pipeline-runs/{run}/rerun", new { from = "failed" }));
        await api.EndAsync(again);
        var jobs = (await api.GetAsync($"/v1/pipeline-runs/{again}/jobs")).GetProperty("jobs").EnumerateArray().ToList();
        Assert.Equal(["skipped", "failed"], jobs.Select(j => j.GetProperty("status").GetString()));
        Assert.Equal(run, (await api.GetAsync($"/v1/pipeline-runs/{again}")).GetProperty("rerun_of").GetString());
    }

    [Fact]
    public async Task InvalidInput_IsAProblemThatNamesIt()
    {
        var pipeline = await api.PipelineAsync(Quick);
        await ProblemAsync(api.Admin.GetAsync("/v1/pipeline-runs/not-an-id"), 400, "id_malformed");
        await ProblemAsync(api.Admin.GetAsync($"/v1/pipeline-runs/{RunId.New(TimeProvider.System)}"), 404, "not_found");
        await ProblemAsync(api.Admin.GetAsync("/v1/no-such-route"), 404, "route_not_found");
        await ProblemAsync(api.Admin.GetAsync("/v1/pipeline-runs?status=sleeping"), 400, "status_malformed");
        await ProblemAsync(api.Admin.PostAsJsonAsync("/v1/projects", new { name = "x", kolor = "red" }), 400, "request_malformed");
        await ProblemAsync(
            api.Admin.PostAsync("/v1/projects", new StringContent("name=x", Encoding.UTF8, "application/x-www-form-urlencoded")),
            415,
            "media_type_unsupported"
        );
        await ProblemAsync(api.Admin.PostAsJsonAsync("/v1/projects", new { name = new string('x', 2_000_000) }), 413, "body_too_large");
        await ProblemAsync(
            api.Admin.PostAsJsonAsync($"/v1/pipelines/{pipeline}/runs", new { git_ref = "no-such-branch" }),
            422,
            "ref_not_found"
        );
        await ProblemAsync(
            api.Admin.PostAsJsonAsync($"/v1/pipelines/{pipeline}/runs", new { git_ref = "main", inputs = new { unknown = "x" } }),
            422,
            "pipeline_file_invalid"
        );
    }

    [Fact]
    public async Task List_PageByPage_ShowsEveryRunOnceNewestFirst()
    {
        var pipeline = await api.PipelineAsync(Quick);
        var made = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            made.Add(await api.TriggerAsync(pipeline));
        }

        var seen = new List<string>();
        string? cursor = null;
        do
        {
            var page = await api.GetAsync($"/v1/pipeline-runs?pipeline={pipeline}&limit=2" + (cursor is null ? "" : $"&cursor={cursor}"));
            seen.AddRange(page.GetProperty("items").EnumerateArray().Select(ApiFixture.Id));
            cursor = page.TryGetProperty("next_cursor", out var next) ? next.GetString() : null;
        } while (cursor is not null);

        Assert.Equal(Enumerable.Reverse(made), seen);
        foreach (var run in made)
        {
            await api.EndAsync(run);
        }
    }

    [Fact]
    public async Task Lint_WarningsFileNameAndHostileFacts()
    {
        var warned = await api.PostAsync(
            "/v1/pipeline-files/lint",
            new { content = "build: { steps: [ { name: a, run: 'make | tee log' } ] }", file_name = "ci/build.yaml" }
        );
        Assert.True(warned.GetProperty("valid").GetBoolean());
        var warning = warned.GetProperty("warnings")[0];
        Assert.Equal(
            ("pipe_hides_failure", "ci/build.yaml"),
            (warning.GetProperty("code").GetString(), warning.GetProperty("file").GetString())
        );

        using var refused = await api.Admin.PostAsJsonAsync(
            "/v1/pipeline-files/lint",
            new { content = Quick, branch = new string('b', 900_000) }
        );
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains("branch_too_long", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        foreach (var cron in new[] { "0 3", "0 3 * * * \\0" })
        {
            var broken = await api.PostAsync(
                "/v1/pipeline-files/lint",
                new { content = $"on: {{ schedule: [ {{ cron: \"{cron}\" }} ] }}\nbuild: {{ steps: [ {{ name: a, run: x }} ] }}" }
            );
            Assert.False(broken.GetProperty("valid").GetBoolean());
            Assert.All(
                broken.GetProperty("errors").EnumerateArray(),
                e => Assert.DoesNotContain('\0', e.GetProperty("message").GetString()!)
            );
        }
    }

    [Fact]
    public async Task PlanningGate_Full_RefusesWhoOnlyAsksAndLetsTheOthersWait()
    {
        using var gate = new PlanningGate(1);
        var turn = gate.Enter();
        Assert.Throws<PlanningBusyException>(() => gate.Enter());
        var waiting = gate.EnterAsync(default);
        Assert.False(waiting.IsCompleted);
        turn.Dispose();
        (await waiting).Dispose();
        gate.Enter().Dispose();
    }

    [Fact]
    public async Task Lint_TellsEveryErrorWithItsPlace()
    {
        var answer = await api.PostAsync(
            "/v1/pipeline-files/lint",
            new { content = "build:\n  steps:\n    - { name: a, rnu: x }\n    - { name: a, run: y }\n" }
        );
        Assert.False(answer.GetProperty("valid").GetBoolean());
        var errors = answer.GetProperty("errors").EnumerateArray().ToList();
        Assert.True(errors.Count >= 2, answer.ToString());
        Assert.Contains(errors, e => e.GetProperty("line").GetInt32() == 3);

        Assert.True((await api.PostAsync("/v1/pipeline-files/lint", new { content = Quick })).GetProperty("valid").GetBoolean());
    }

    private static async Task ProblemAsync(Task<HttpResponseMessage> request, int status, string code)
    {
        using var response = await request;
        var text = await response.Content.ReadAsStringAsync();
        Assert.True((int)response.StatusCode == status, $"{response.RequestMessage?.RequestUri}: {(int)response.StatusCode} {text}");
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(code, JsonDocument.Parse(text).RootElement.GetProperty("code").GetString());
    }

    private async Task<(JsonElement Body, HttpResponseMessage Response)> CreateAsync(string pipeline, object body, string key)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/pipelines/{pipeline}/runs") { Content = JsonContent.Create(body) };
        request.Headers.Add("Idempotency-Key", key);
        var response = await api.Admin.SendAsync(request);
        return (await response.Content.ReadFromJsonAsync<JsonElement>(), response);
    }

    private async Task<JsonElement> OnlyExecutionAsync(string run) =>
        (await api.GetAsync($"/v1/pipeline-runs/{run}/jobs"))
            .GetProperty("jobs")
            .EnumerateArray()
            .Single()
            .GetProperty("steps")
            .EnumerateArray()
            .Single()
            .GetProperty("executions")
            .EnumerateArray()
            .Single();

    private async Task<List<string>> CursorsAsync(string run, string? after)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/pipeline-runs/{run}/events");
        if (after is not null)
        {
            request.Headers.TryAddWithoutValidation("Last-Event-ID", after);
        }

        using var response = await api.Admin.SendAsync(request);
        return
        [
            .. (await response.Content.ReadAsStringAsync())
                .Split('\n')
                .Where(l => l.StartsWith("id: ", StringComparison.Ordinal))
                .Select(l => l[4..]),
        ];
    }
}
