using System.Text.Json;

namespace Shipinator.EndToEnd.Tests;

/// <summary><c>kill -9</c> of the server during a step: nothing is lost and nothing runs twice.</summary>
public sealed class KilledServerTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public async Task Standalone_KilledDuringAStepAndRestarted_RunSucceedsWithCompleteLog()
    {
        _bench.Commit(PipelineFile());
        string run;
        await using (var first = await SiloProcess.StartAsync(_bench.Data, null, "--port", "0"))
        {
            var (url, token) = SiloProcess.Connection(_bench.Data);
            using var api = new Api(url, token);
            run = await api.TriggerAsync(await api.RegisterAsync(_bench.Repository));
            await _bench.WaitForMarkAsync("second-started", Patience);
            await first.KillAsync();
        }

        // The step continues and writes to its log while no server receives it.
        _bench.SetMark("go-away");
        await _bench.WaitForMarkAsync("wrote-while-away", Patience);

        await using var second = await SiloProcess.StartAsync(_bench.Data, null, "--port", "0");
        _bench.SetMark("go-on");
        {
            var (url, token) = SiloProcess.Connection(_bench.Data);
            using var api = new Api(url, token);
            await AssertCompleteAsync(api, run);
        }

        Assert.Equal(0, await second.StopAsync());
        Assert.Empty(Directory.EnumerateDirectories(_bench.Data, "ship-*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task TwoSilos_OwnerOfTheRunIsKilled_OtherContinues()
    {
        _bench.Commit(PipelineFile());
        await using var cluster = await ClusterOfTwo.StartAsync(_bench.Data);
        using var api = new Api(cluster.Url, cluster.Token);
        var run = await api.TriggerAsync(await api.RegisterAsync(_bench.Repository));
        await _bench.WaitForMarkAsync("second-started", Patience);

        await cluster.KillOwnerAsync(run);
        _bench.SetMark("go-away");
        await _bench.WaitForMarkAsync("wrote-while-away", Patience);
        _bench.SetMark("go-on");

        await AssertCompleteAsync(api, run);
    }

    private async Task AssertCompleteAsync(Api api, string run)
    {
        var end = await api.WaitForEndAsync(run, Patience);
        Assert.True(end.GetProperty("status").GetString() == "success", end.ToString());

        // No step ran twice: each leaves one line at its start.
        Assert.Equal(["first", "second", "third"], _bench.ReadMark("begun"));

        // The log is complete: every line once and in order, including those written while no server was running.
        var second = (await api.StepsAsync(run)).Single(s => s.GetProperty("name").GetString() == "second");
        var execution = Assert.Single(second.GetProperty("executions").EnumerateArray().ToList());
        var log = await api.TextAsync($"/v1/executions/{execution.GetProperty("id").GetString()}/logs");
        var lines = log.Split('\n').Where(l => l.StartsWith("line ", StringComparison.Ordinal)).ToList();
        Assert.Equal(Enumerable.Range(1, 3000).Select(i => $"line {i}"), lines);

        // The history has one start and one end for every step.
        var history = Api.Items(await api.GetAsync($"/v1/pipeline-runs/{run}/history")).ToList();
        Assert.Equal("success", Last(history, "run", run).GetProperty("to").GetString());
        Assert.Single(
            history,
            t =>
                t.GetProperty("machine").GetString() == "step"
                && t.GetProperty("entity_id").GetString() == second.GetProperty("id").GetString()
                && t.GetProperty("to").GetString() == "running"
        );
    }

    private static JsonElement Last(List<JsonElement> history, string machine, string id) =>
        history.Last(t => t.GetProperty("machine").GetString() == machine && t.GetProperty("entity_id").GetString() == id);

    private string PipelineFile() =>
        $$"""
            image: debian:bookworm-slim
            env: { MARKS: "{{_bench.Marks}}" }
            build:
              steps:
                - name: first
                  run: umask 0; echo first >> "$MARKS/begun"
                - name: second
                  run: |
                    echo second >> "$MARKS/begun"
                    i=0
                    while [ $i -lt 1000 ]; do i=$((i+1)); echo "line $i"; done
                    touch "$MARKS/second-started"
                    while [ ! -e "$MARKS/go-away" ]; do sleep 0.05; done
                    while [ $i -lt 2000 ]; do i=$((i+1)); echo "line $i"; done
                    touch "$MARKS/wrote-while-away"
                    while [ ! -e "$MARKS/go-on" ]; do sleep 0.05; done
                    while [ $i -lt 3000 ]; do i=$((i+1)); echo "line $i"; done
            test:
              steps:
                - name: third
                  run: echo third >> "$MARKS/begun"
            """;
}
