namespace Shipinator.Cli.Tests;

/// <summary><c>up</c> with a script as the server.</summary>
public sealed class UpTests : IDisposable
{
    private readonly Shell _shell = new();

    public void Dispose() => _shell.Dispose();

    [Theory]
    [InlineData(0, ExitCodes.Success)]
    [InlineData(2, ExitCodes.Usage)]
    [InlineData(134, ExitCodes.Failed)]
    public async Task Up_ServerExits_MapsItsExitCode(int server, int code)
    {
        Script($"echo \"got $*\"; exit {server}");

        var outcome = await _shell.RunAsync("up", "--data", "here", "--port", "0");

        Assert.Equal(code, outcome.ExitCode);
        Assert.Equal($"got --data {Path.Combine(_shell.Folder, "here")} --port 0\n", outcome.Output);
    }

    [Fact]
    public async Task Up_Terminated_ForwardsTheSignalAndWaits()
    {
        Script("trap 'echo stopping; exit 0' TERM; echo ready; while :; do sleep 0.1; done");
        var process = _shell.Start("up");
        Assert.Equal(
            "ready",
            await process
                .StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken)
                .AsTask()
                .WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken)
        );

        Shell.Signal(process, 15);
        var outcome = await Shell.FinishAsync(process);

        Assert.Equal(0, outcome.ExitCode);
        Assert.Equal("stopping\n", outcome.Output);
    }

    [Fact]
    public async Task Up_ServerProgramMissing_NamesItsPath()
    {
        _shell.Environment["SHIPINATOR_SERVER"] = "/nowhere/server.dll";

        var outcome = await _shell.RunAsync("up");

        Assert.Equal(ExitCodes.Usage, outcome.ExitCode);
        Assert.Contains("SHIPINATOR_SERVER is /nowhere/server.dll, but that file does not exist.", outcome.Error, StringComparison.Ordinal);
    }

    private void Script(string body)
    {
        var file = Path.Combine(_shell.Folder, "server");
        File.WriteAllText(file, $"#!/bin/sh\n{body}\n");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        _shell.Environment["SHIPINATOR_SERVER"] = file;
    }
}
