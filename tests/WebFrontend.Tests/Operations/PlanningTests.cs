using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Shipinator.Pipelines;
using Shipinator.Schema.Stores;
using Shipinator.Triggers;
using Shipinator.Triggers.Planning;
using Shipinator.WebFrontend.Tests.Servers;

namespace Shipinator.WebFrontend.Tests.Operations;

/// <summary>What reading and planning of pipeline files may take from the server.</summary>
public sealed class PlanningTests(ApiFixture api)
{
    private const string Quick = "image: none\nbuild:\n  steps:\n    - { name: one, run: \"true\" }\n";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AllTurnsTaken_LintIsRefused_AndARunWaits()
    {
        await using var server = await api.ServerAsync(replace: SilentExecutors.Use);
        var pipeline = await server.PipelineAsync(Quick);
        var turns = TakeAll(server.Services.GetRequiredService<PlanningGate>());

        using (var busy = await server.Admin.PostAsJsonAsync("/v1/pipeline-files/lint", new { content = Quick }, Stop))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, busy.StatusCode);
            Assert.Equal("planning_busy", (await busy.Content.ReadFromJsonAsync<JsonElement>(Stop)).GetProperty("code").GetString());
            Assert.NotNull(busy.Headers.RetryAfter);
        }

        var id = (await server.Services.GetRequiredService<PipelineStore>().GetAsync(PipelineId.Parse(pipeline), Stop))!.RepositoryId;
        var repository = await server.Services.GetRequiredService<RepositoryStore>().GetAsync(id, Stop);
        var facts = new TriggerFacts
        {
            Event = "manual",
            Ref = "refs/heads/main",
            Commit = new('a', 40),
        };
        var plan = server
            .Services.GetRequiredService<RunPlanning>()
            .PlanAsync(PipelineFile.Parse(Quick, cancellationToken: Stop).Model!, facts, repository!, 1, Stop);
        Assert.False(plan.IsCompleted);
        var run = server.TriggerAsync(pipeline);
        // Whatever needs no plan is served meanwhile.
        Assert.Empty((await server.GetAsync("/v1/pipeline-runs")).GetProperty("items").EnumerateArray());
        Assert.False(run.IsCompleted);
        turns.ForEach(t => t.Dispose());
        Assert.NotNull((await plan).Plan);
        await run;
        var answer = await server.PostAsync("/v1/pipeline-files/lint", new { content = Quick });
        Assert.True(answer.GetProperty("valid").GetBoolean());
    }

    /// <summary>The request's cancellation reaches the parser, and its turn is released.</summary>
    [Fact]
    public async Task Lint_Canceled_Ends()
    {
        await using var server = await api.ServerAsync(replace: SilentExecutors.Use);
        var lint = server.Services.GetRequiredService<PipelineLint>();
        var gate = server.Services.GetRequiredService<PlanningGate>();
        var command = new LintCommand
        {
            Content = Quick,
            Event = "manual",
            Branch = "main",
        };
        foreach (var content in Enumerable.Repeat(Quick, 2 * Environment.ProcessorCount).Append("build: 1\n"))
        {
            // The parser ends, as well as the planner, which a file with errors does not reach.
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
                lint.CheckAsync(command with { Content = content }, new CancellationToken(canceled: true))
            );
        }

        Assert.Empty((await lint.CheckAsync(command, Stop)).Errors);
        var turns = TakeAll(gate);
        Assert.Equal(Math.Max(2, Environment.ProcessorCount), turns.Count);
        turns.ForEach(t => t.Dispose());
    }

    private static List<IDisposable> TakeAll(PlanningGate gate)
    {
        var turns = new List<IDisposable>();
        try
        {
            while (true)
            {
                turns.Add(gate.Enter());
            }
        }
        catch (PlanningBusyException)
        {
            return turns;
        }
    }
}
