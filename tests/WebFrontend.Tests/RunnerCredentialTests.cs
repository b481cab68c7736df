using System.Net;
using System.Net.Http.Json;
using Shipinator.WebFrontend.Tests.Servers;

namespace Shipinator.WebFrontend.Tests;

/// <summary>What the token of an execution allows: the test is the runner, and then a step that has read its token.</summary>
public sealed class RunnerCredentialTests(SilentServer silent) : IClassFixture<SilentServer>
{
    public const string Password = "the-host-wide-password";
    private readonly ApiServer _server = silent.Server;

    [Fact]
    public async Task Claim_WhereRunnersClone_CarriesTheCredentialOnceAndNeverAgain()
    {
        var (run, execution) = await BeginAsync(
            "process",
            "build:\n  steps:\n    - { name: one, run: \"true\" }\n    - { name: two, run: \"true\" }\n"
        );
        var (status, first) = await ClaimAsync(execution, "runner");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Contains(Password, first, StringComparison.Ordinal);

        foreach (var prepared in new[] { false, true })
        {
            var (again, answer) = await ClaimAsync(execution, "runner", prepared);
            Assert.Equal(HttpStatusCode.OK, again);
            Assert.DoesNotContain(Password, answer, StringComparison.Ordinal);
        }

        var (other, refused) = await ClaimAsync(execution, "another");
        Assert.Equal(HttpStatusCode.Conflict, other);
        Assert.DoesNotContain(Password, refused, StringComparison.Ordinal);

        // The next step finds the workspace prepared.
        await ReportAsync(execution, "success", 0);
        var (_, next) = await ClaimAsync(await _server.ExecutionAsync(run, "submitted", 1), "second runner");
        Assert.Contains("\"source\"", next, StringComparison.Ordinal);
        Assert.DoesNotContain(Password, next, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StepWithRetry_ThatReportsItsOwnFailure_GetsNeitherTheNextTokenNorTheCredential()
    {
        var (run, execution) = await BeginAsync("process", "build:\n  steps:\n    - { name: evil, run: \"true\", retry: 2 }\n");
        await ClaimAsync(execution, "runner");
        await ReportAsync(execution, "failed", 1);
        var second = await _server.ExecutionAsync(run, "submitted", 1);

        foreach (var body in new object?[] { null, new { runner = "runner" }, new { runner = "mine" } })
        {
            var (status, answer) = await NextAsync(execution, body);
            Assert.Equal(HttpStatusCode.Gone, status);
            Assert.DoesNotContain("shx_", answer, StringComparison.Ordinal);
        }

        var (_, claim) = await ClaimAsync(second, "second runner");
        Assert.DoesNotContain(Password, claim, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Next_WhereOneRunnerServesAllTries_IsForTheRunnerThatClaimedAlone()
    {
        var (run, execution) = await BeginAsync("kubernetes", "build:\n  steps:\n    - { name: evil, run: \"true\", retry: 1 }\n");
        var (_, claim) = await ClaimAsync(execution, "the-runner");
        Assert.DoesNotContain(Password, claim, StringComparison.Ordinal);
        Assert.DoesNotContain("\"source\"", claim, StringComparison.Ordinal);
        await ReportAsync(execution, "failed", 1);
        var second = await _server.ExecutionAsync(run, "submitted", 1);

        foreach (
            var body in new object?[]
            {
                null,
                new { runner = "" },
                new { runner = "mine" },
                new { runner = "the-runne" },
                new { runner = "THE-RUNNER" },
            }
        )
        {
            var (status, answer) = await NextAsync(execution, body);
            Assert.Equal(HttpStatusCode.Forbidden, status);
            Assert.DoesNotContain("shx_", answer, StringComparison.Ordinal);
        }

        var (given, next) = await NextAsync(execution, new { runner = "the-runner" });
        Assert.Equal(HttpStatusCode.OK, given);
        Assert.Contains(second, next, StringComparison.Ordinal);

        // Whatever its body says, no claim of a pod gets a source.
        foreach (var prepared in new[] { false, true })
        {
            var (_, again) = await ClaimAsync(second, "the-runner", prepared);
            Assert.DoesNotContain(Password, again, StringComparison.Ordinal);
            Assert.DoesNotContain("\"source\"", again, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Next_OfAnUnclaimedExecution_IsRefused()
    {
        var (_, execution) = await BeginAsync("kubernetes", "build:\n  steps:\n    - { name: one, run: \"true\", retry: 1 }\n");
        Assert.Equal(HttpStatusCode.Forbidden, (await NextAsync(execution, new { runner = "" })).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await NextAsync(execution, new { runner = "any" })).Status);
    }

    [Fact]
    public async Task ParallelSteps_OnlyTheFirstThatClaimsIsGivenTheCredential()
    {
        var (run, _) = await BeginAsync(
            "process",
            "build:\n  steps:\n    - { name: a, parallel: true, run: \"true\" }\n    - { name: b, parallel: true, run: \"true\" }\n"
        );
        var (a, b) = (await _server.ExecutionAsync(run, "submitted"), await _server.ExecutionAsync(run, "submitted", 1));
        Assert.Contains(Password, (await ClaimAsync(a, "first")).Body, StringComparison.Ordinal);
        var (status, second) = await ClaimAsync(b, "second");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.DoesNotContain(Password, second, StringComparison.Ordinal);
        Assert.Contains("\"prepared_by_other\":true", second, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("success")]
    [InlineData("failed")]
    [InlineData("canceled")]
    public async Task Token_AfterTheEnd_AddsNothingAndGetsNothing(string end)
    {
        var (run, execution) = await BeginAsync("process", "build:\n  steps:\n    - { name: one, run: \"true\" }\n");
        await ClaimAsync(execution, "runner");
        Assert.Equal(HttpStatusCode.OK, (await AppendAsync(execution, 0, "hello")).Status);
        if (end == "canceled")
        {
            await _server.PostAsync($"/v1/pipeline-runs/{run}/cancel", new { });
            Assert.Equal(HttpStatusCode.Gone, (await ClaimAsync(execution, "runner")).Status);
        }
        else
        {
            await ReportAsync(execution, end, end == "success" ? 0 : 1);
        }

        await _server.ExecutionAsync(run, end);
        Assert.Equal(HttpStatusCode.Gone, (await ClaimAsync(execution, "runner")).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await AppendAsync(execution, 5, "more")).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await AppendAsync(execution, long.MaxValue, "x")).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await UploadAsync(execution)).StatusCode);
        // Known bytes may be sent again, because the response may have been lost.
        var (repeated, answer) = await AppendAsync(execution, 0, "hello");
        Assert.Equal(HttpStatusCode.OK, repeated);
        Assert.Contains("\"cancel\":true", answer, StringComparison.Ordinal);
        using var runner = _server.Runner(execution);
        using var heartbeat = await runner.PostAsJsonAsync($"/v1/executions/{execution}/heartbeat", new { runner = "runner" });
        Assert.Contains("\"cancel\":true", await heartbeat.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal("hello", await _server.Admin.GetStringAsync($"/v1/executions/{execution}/logs"));
    }

    [Fact]
    public async Task Token_BeforeTheClaim_AddsNothing()
    {
        var (_, execution) = await BeginAsync("process", "build:\n  steps:\n    - { name: one, run: \"true\" }\n");
        Assert.Equal(HttpStatusCode.Conflict, (await AppendAsync(execution, 0, "early")).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await UploadAsync(execution)).StatusCode);
        var never = ExecutionId.New(TimeProvider.System).ToString();
        Assert.Equal(HttpStatusCode.Conflict, (await AppendAsync(never, 0, "never")).Status);
    }

    private async Task<(string Run, string Execution)> BeginAsync(string executor, string file)
    {
        var run = await _server.TriggerAsync(await _server.PipelineAsync("image: none\n" + file, executor));
        return (run, await _server.ExecutionAsync(run, "submitted"));
    }

    private async Task<(HttpStatusCode Status, string Body)> ClaimAsync(string execution, string runner, bool prepared = false)
    {
        using var client = _server.Runner(execution);
        using var answer = await client.PostAsJsonAsync(
            $"/v1/executions/{execution}/claim",
            new
            {
                runner,
                wait_seconds = 20,
                prepared,
            }
        );
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    private async Task<(HttpStatusCode Status, string Body)> NextAsync(string execution, object? body)
    {
        using var client = _server.Runner(execution);
        using var answer = await client.PostAsync($"/v1/executions/{execution}/next", body is null ? null : JsonContent.Create(body));
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    private async Task ReportAsync(string execution, string status, int code)
    {
        using var client = _server.Runner(execution);
        using var answer = await client.PostAsJsonAsync($"/v1/executions/{execution}/status", new { status, exit_code = code });
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    private async Task<(HttpStatusCode Status, string Body)> AppendAsync(string execution, long offset, string text)
    {
        using var client = _server.Runner(execution);
        using var answer = await client.PostAsync($"/v1/executions/{execution}/logs?offset={offset}", Bytes(text));
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    private async Task<HttpResponseMessage> UploadAsync(string execution)
    {
        using var client = _server.Runner(execution);
        return await client.PostAsync($"/v1/executions/{execution}/artifacts?type=file&name=a.txt", Bytes("x"));
    }

    private static ByteArrayContent Bytes(string text) =>
        new(System.Text.Encoding.UTF8.GetBytes(text)) { Headers = { ContentType = new("application/octet-stream") } };
}
