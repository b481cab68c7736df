using System.Net;
using System.Net.Http.Json;
using Microsoft.Extensions.DependencyInjection;

namespace Shipinator.WebFrontend.Tests;

/// <summary>The runner's routes, by a runner of the test's own beside the real ones.</summary>
public sealed class RunnerTests(ApiFixture api)
{
    [Fact]
    public async Task Next_AfterAFailureThatIsTriedAgain_NamesTheSecondTryAndAfterTheEndNoMore()
    {
        var pipeline = await api.PipelineAsync("""
            version: 1
            build:
              steps:
                - name: flaky
                  run: exit 5
                  retry: 1
            """);
        var run = await api.TriggerAsync(pipeline);
        Assert.Equal("failed", (await api.EndAsync(run)).GetProperty("status").GetString());
        var executions = await ExecutionsAsync(run);
        Assert.Equal(2, executions.Count);

        // The job is over, and with it the step: even its first execution has no next one any more.
        Assert.All(executions, e => Assert.Equal(HttpStatusCode.Gone, NextAsync(e).GetAwaiter().GetResult().StatusCode));
    }

    [Fact]
    public async Task Claim_OfAStepThatWasPassedOver_IsNotNeeded()
    {
        var pipeline = await api.PipelineAsync("""
            version: 1
            build:
              steps:
                - name: broken
                  run: exit 5
                - name: never
                  run: "true"
            """);
        var run = await api.TriggerAsync(pipeline);
        await api.EndAsync(run);
        var jobs = await api.GetAsync($"/v1/pipeline-runs/{run}/jobs");
        var job = jobs.GetProperty("jobs")[0].GetProperty("id").GetString()!;
        var unknown = ExecutionId.New(TimeProvider.System).ToString();
        var client = Runner(unknown);
        var claim = await client.PostAsJsonAsync($"/v1/executions/{unknown}/claim", new { runner = "r", wait_seconds = 0, job_id = job, prepared = true });
        Assert.Equal(HttpStatusCode.Gone, claim.StatusCode);
        claim = await client.PostAsJsonAsync($"/v1/executions/{unknown}/claim", new { runner = "r", wait_seconds = 0 });
        Assert.Equal(HttpStatusCode.NoContent, claim.StatusCode);
    }

    private async Task<List<string>> ExecutionsAsync(string run) =>
        [.. (await api.GetAsync($"/v1/pipeline-runs/{run}/jobs")).GetProperty("jobs").EnumerateArray()
            .SelectMany(j => j.GetProperty("steps").EnumerateArray())
            .SelectMany(s => s.GetProperty("executions").EnumerateArray()).Select(e => ApiFixture.Id(e))];

    private Task<HttpResponseMessage> NextAsync(string execution) => Runner(execution).PostAsync($"/v1/executions/{execution}/next", null);

    private HttpClient Runner(string execution) =>
        api.Client(api.Services.GetRequiredService<IExecutionTokens>().Issue(ExecutionId.Parse(execution)));
}
