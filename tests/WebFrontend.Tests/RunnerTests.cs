using System.Net;
using System.Net.Http.Json;
using Microsoft.Extensions.DependencyInjection;

namespace Shipinator.WebFrontend.Tests;

/// <summary>The routes of runners; the test is the runner, beside the real ones.</summary>
public sealed class RunnerTests(ApiFixture api)
{
    [Fact]
    public async Task Next_AfterAFailureThatIsTriedAgain_NamesTheSecondTryAndAfterTheEndNoMore()
    {
        var pipeline = await api.PipelineAsync(
            """
            version: 1
            build:
              steps:
                - name: flaky
                  run: exit 5
                  retry: 1
            """
        );
        var run = await api.TriggerAsync(pipeline);
        Assert.Equal("failed", (await api.EndAsync(run)).GetProperty("status").GetString());
        var executions = await ExecutionsAsync(run);
        Assert.Equal(2, executions.Count);

        // The job has ended, so even the step's first execution has no next one.
        Assert.All(executions, e => Assert.Equal(HttpStatusCode.Gone, NextAsync(e).GetAwaiter().GetResult().StatusCode));
    }

    [Fact]
    public async Task Claim_OfAStepThatWasPassedOver_IsNotNeeded()
    {
        var pipeline = await api.PipelineAsync(
            """
            version: 1
            build:
              steps:
                - name: broken
                  run: exit 5
                - name: never
                  run: "true"
            """
        );
        var run = await api.TriggerAsync(pipeline);
        await api.EndAsync(run);
        var jobs = await api.GetAsync($"/v1/pipeline-runs/{run}/jobs");
        var job = jobs.GetProperty("jobs")[0].GetProperty("id").GetString()!;
        var unknown = ExecutionId.New(TimeProvider.System).ToString();
        var client = Runner(unknown);
        var claim = await client.PostAsJsonAsync(
            $"/v1/executions/{unknown}/claim",
            new
            {
                runner = "r",
                wait_seconds = 0,
                job_id = job,
                prepared = true,
            }
        );
        Assert.Equal(HttpStatusCode.Gone, claim.StatusCode);
        claim = await client.PostAsJsonAsync($"/v1/executions/{unknown}/claim", new { runner = "r", wait_seconds = 0 });
        Assert.Equal(HttpStatusCode.NoContent, claim.StatusCode);
    }

    [Fact]
    public async Task LogTimes_AreThoseOfPrinting()
    {
        var pipeline = await api.PipelineAsync(
            "version: 1\nbuild:\n  steps:\n    - { name: talk, run: \"echo one; sleep 0.4; echo two\" }\n"
        );
        var run = await api.TriggerAsync(pipeline);
        var before = TimeProvider.System.GetUtcNow();
        await api.EndAsync(run);
        var execution = (await ExecutionsAsync(run)).Single();
        var log = await api.Admin.GetStringAsync($"/v1/executions/{execution}/logs");
        var times = (await api.GetAsync($"/v1/executions/{execution}/logs/times"))
            .GetProperty("times")
            .EnumerateArray()
            .Select(t => (Offset: t.GetProperty("offset").GetInt64(), At: t.GetProperty("at").GetDateTimeOffset()))
            .ToList();
        DateTimeOffset Of(string line) => times.Last(t => t.Offset <= log.IndexOf(line, StringComparison.Ordinal)).At;
        Assert.True(Of("one") > before.AddMinutes(-1));
        Assert.InRange(Of("two") - Of("one"), TimeSpan.FromSeconds(0.3), TimeSpan.FromSeconds(30));
    }

    [Theory]
    [InlineData("1")]
    [InlineData("1=2,x")]
    [InlineData("-1=5")]
    [InlineData("1=99999999999999999")]
    public async Task LogTimes_Malformed_AreRefused(string times)
    {
        var execution = ExecutionId.New(TimeProvider.System).ToString();
        using var client = Runner(execution);
        using var chunk = new ByteArrayContent("x"u8.ToArray());
        chunk.Headers.ContentType = new("application/octet-stream");
        client.DefaultRequestHeaders.Add("X-Log-Times", times);
        using var answer = await client.PostAsync($"/v1/executions/{execution}/logs?offset=0", chunk);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("X-Log-Times", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private async Task<List<string>> ExecutionsAsync(string run) =>
        [
            .. (await api.GetAsync($"/v1/pipeline-runs/{run}/jobs"))
                .GetProperty("jobs")
                .EnumerateArray()
                .SelectMany(j => j.GetProperty("steps").EnumerateArray())
                .SelectMany(s => s.GetProperty("executions").EnumerateArray())
                .Select(e => ApiFixture.Id(e)),
        ];

    private Task<HttpResponseMessage> NextAsync(string execution) => Runner(execution).PostAsync($"/v1/executions/{execution}/next", null);

    private HttpClient Runner(string execution) =>
        api.Client(api.Services.GetRequiredService<IExecutionTokens>().Issue(ExecutionId.Parse(execution)));
}
