using System.Text.Json;

namespace Shipinator.Cli.Tests;

/// <summary><c>run</c> and <c>logs</c> against a server that sends events and logs.</summary>
public sealed class RunTests : IAsyncLifetime
{
    private const string Pipeline = "build: { steps: [ { name: compile, run: make } ] }\n";
    private readonly Shell _shell = new();
    private FakeServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await FakeServer.StartAsync();
        _shell.Environment["SHIPINATOR_SERVER_URL"] = _server.Url;
        _shell.Environment["SHIPINATOR_TOKEN"] = FakeServer.Token;
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _shell.Dispose();
    }

    [Theory]
    [InlineData("success", ExitCodes.Success)]
    [InlineData("failed", ExitCodes.Failed)]
    [InlineData("canceled", ExitCodes.Canceled)]
    public async Task Run_Followed_ShowsLogsAndReturnsTheRunsResult(string end, int code)
    {
        _server.Ends = end;

        var outcome = await _shell.RunAsync("run", await _shell.MakeRepositoryAsync(Pipeline));

        Assert.Equal(code, outcome.ExitCode);
        Assert.Equal("", outcome.Error);
        var lines = outcome.Output.Split('\n');
        Assert.Contains("[build/compile] compiling größer", lines);
        Assert.Contains("[build/compile] red", lines);
        Assert.Contains("[build/compile] no end", lines);
        Assert.Contains(
            lines,
            l => l.StartsWith("Run #7 of shop/shop", StringComparison.Ordinal) && l.Contains($"{end} in 4.0s", StringComparison.Ordinal)
        );
        Assert.Contains("http://shipinator.invalid/runs/7", lines);
        Assert.DoesNotContain('\u001b', outcome.Output);
    }

    [Fact]
    public async Task Run_ServerTemporarilyUnavailable_Resumes()
    {
        _server.Fault("/events", 502, 0, 503);
        _server.Fault("/logs", 503, 504, 0);
        _server.Fault("/jobs", 503, 0);

        var outcome = await _shell.RunAsync("run", await _shell.MakeRepositoryAsync(Pipeline));

        Assert.Equal(0, outcome.ExitCode);
        Assert.Equal(
            ["[build/compile] compiling größer", "[build/compile] red", "[build/compile] no end"],
            outcome.Output.Split('\n').Where(l => l.StartsWith('['))
        );
        Assert.Contains("Connection to the server lost", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_StreamsEndEarlyWithoutAnError_Resumes()
    {
        _server.CutsStreams = true;

        var outcome = await _shell.RunAsync("run", await _shell.MakeRepositoryAsync(Pipeline));

        Assert.Equal(0, outcome.ExitCode);
        Assert.Equal(
            ["[build/compile] compiling größer", "[build/compile] red", "[build/compile] no end"],
            outcome.Output.Split('\n').Where(l => l.StartsWith('['))
        );
    }

    [Theory]
    [InlineData(0)]
    [InlineData(502)]
    [InlineData(503)]
    public async Task Run_CreateResponseIsLost_IsRepeatedWithTheSameKey(int fault)
    {
        _server.Fault("/runs", fault);

        var outcome = await _shell.RunAsync("run", await _shell.MakeRepositoryAsync(Pipeline), "--detach");

        Assert.Equal(0, outcome.ExitCode);
        Assert.Equal(2, _server.Keys.Count);
        Assert.NotEqual("", Assert.Single(_server.Keys.Distinct()));
    }

    [Fact]
    public async Task Run_RepositoryRegisteredConcurrently_UsesThatRepository()
    {
        _server.IsRegisteredConcurrently = true;

        Assert.Equal(0, (await _shell.RunAsync("run", await _shell.MakeRepositoryAsync(Pipeline))).ExitCode);
    }

    [Fact]
    public async Task Run_ProjectCreatedConcurrently_UsesThatProject()
    {
        _server.IsProjectCreatedConcurrently = true;

        var outcome = await _shell.RunAsync("run", await _shell.MakeRepositoryAsync(Pipeline), "--project", "shop");

        Assert.Equal(0, outcome.ExitCode);
        Assert.False(_server.IsProjectCreatedConcurrently);
    }

    [Fact]
    public async Task Run_RejectedPermanently_IsNotRepeated()
    {
        _server.Fault("/runs", 500);

        Assert.Equal(ExitCodes.Unreachable, (await _shell.RunAsync("run", await _shell.MakeRepositoryAsync(Pipeline))).ExitCode);
        Assert.Single(_server.Keys);
    }

    [Fact]
    public async Task Run_AsJson_WritesOnlyJsonToStandardOutput()
    {
        var outcome = await _shell.RunAsync("run", await _shell.MakeRepositoryAsync(Pipeline), "--output", "json");

        using var json = JsonDocument.Parse(outcome.Output);
        Assert.Equal("success", json.RootElement.GetProperty("run").GetProperty("status").GetString());
        Assert.Equal("compile", json.RootElement.GetProperty("jobs")[0].GetProperty("steps")[0].GetProperty("name").GetString());
        Assert.Contains("[build/compile] red", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_CtrlCOnce_CancelsTheRunAndWaits()
    {
        _server.Ends = null;
        var process = _shell.Start("run", await _shell.MakeRepositoryAsync(Pipeline));
        await _server.LogAsked.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);

        Shell.Signal(process, 2);
        var outcome = await Shell.FinishAsync(process);

        Assert.Equal(ExitCodes.Canceled, outcome.ExitCode);
        Assert.Contains(_server.Requests, r => r.EndsWith("/cancel", StringComparison.Ordinal));
        Assert.Contains("Canceling the run (press Ctrl-C again to detach without waiting)", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_Terminated_DoesNotCancelTheRun()
    {
        _server.Ends = null;
        var process = _shell.Start("run", await _shell.MakeRepositoryAsync(Pipeline));
        await _server.LogAsked.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);

        Shell.Signal(process, 15);
        var outcome = await Shell.FinishAsync(process);

        Assert.Equal(ExitCodes.Interrupted, outcome.ExitCode);
        Assert.DoesNotContain(_server.Requests, r => r.EndsWith("/cancel", StringComparison.Ordinal));
        Assert.Contains("Detached; the run continues.", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_NoPipelineFile_ShowsMinimalExample()
    {
        var outcome = await _shell.RunAsync("run", await _shell.MakeRepositoryAsync(null));

        Assert.Equal(ExitCodes.PipelineFile, outcome.ExitCode);
        Assert.Contains("has no .shipinator.yaml", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_FileNotCommitted_NamesTheFix()
    {
        var folder = await _shell.MakeRepositoryAsync(null);
        await File.WriteAllTextAsync(Path.Combine(folder, ".shipinator.yaml"), Pipeline, TestContext.Current.CancellationToken);

        var outcome = await _shell.RunAsync("run", folder);

        Assert.Equal(ExitCodes.PipelineFile, outcome.ExitCode);
        Assert.Contains("git add .shipinator.yaml", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_FileWithErrors_ShowsAllErrors()
    {
        _server.Refusal = (
            422,
            """{"title":"Invalid","detail":"The pipeline file has errors.","code":"pipeline_invalid","pipeline_errors":["""
                + FakeServer.PipelineError
                + "]}"
        );

        var outcome = await _shell.RunAsync("run", await _shell.MakeRepositoryAsync(Pipeline));

        Assert.Equal(ExitCodes.PipelineFile, outcome.ExitCode);
        Assert.Contains("shipinator: The pipeline file has errors.", outcome.Error, StringComparison.Ordinal);
        Assert.Contains(".shipinator.yaml:2:3: build: unknown key 'stpes'", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logs_OfAStep_PrintsItsLines()
    {
        var outcome = await _shell.RunAsync("logs", FakeServer.Run, "--step", "compile");

        Assert.Equal(0, outcome.ExitCode);
        Assert.Equal("[build/compile] compiling größer\n[build/compile] red\n[build/compile] no end\n", outcome.Output);
    }

    [Fact]
    public async Task Logs_OfAnUnknownStep_ReturnsNotFound() =>
        Assert.Equal(ExitCodes.NotFound, (await _shell.RunAsync("logs", FakeServer.Run, "--step", "odd")).ExitCode);
}
