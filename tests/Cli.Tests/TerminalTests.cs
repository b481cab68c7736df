using System.Text.RegularExpressions;
using Shipinator.Cli.Runs;
using Shipinator.Client;
using Spectre.Console;

namespace Shipinator.Cli.Tests;

/// <summary>What reaches a real (pseudo) terminal, and table layout.</summary>
public sealed partial class TerminalTests : IAsyncLifetime
{
    private readonly Shell _shell = new();
    private FakeServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await FakeServer.StartAsync();
        _shell.Environment["SHIPINATOR_SERVER_URL"] = _server.Url;
        _shell.Environment["SHIPINATOR_TOKEN"] = FakeServer.Token;
        _shell.Environment["TERM"] = "xterm";
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _shell.Dispose();
    }

    [Theory]
    [InlineData("logs e1")]
    [InlineData("logs " + FakeServer.Run)]
    [InlineData("status " + FakeServer.Run)]
    [InlineData("artifacts list " + FakeServer.Run)]
    [InlineData("list")]
    [InlineData("cancel " + FakeServer.Run)]
    [InlineData("status 01890a5d-ac96-774b-bcce-b302099a8009")]
    [InlineData("lint bad.yaml")]
    [InlineData("status \u001b]0;title\u0007")]
    [InlineData("\u001b]0;title\u0007")]
    public async Task AnyCommand_HostileText_WritesNoControlSequences(string command)
    {
        _server.Hostile = "\\u001b]0;title\\u0007\\u001b[2J\\u001b \\u001b\\u001b[0K[2J\\u009b2J\\u202e";
        await File.WriteAllTextAsync(Path.Combine(_shell.Folder, "bad.yaml"), "x: 1", TestContext.Current.CancellationToken);

        var output = await OnATerminalAsync(command);

        Assert.DoesNotContain(Harmless().Replace(output, ""), c => char.IsControl(c) || c == '\u202e');
    }

    [Fact]
    public async Task Download_ToATerminal_IsRejected() =>
        Assert.Contains(
            "not written to a terminal",
            await OnATerminalAsync($"artifacts download {FakeServer.Artifact} --to -"),
            StringComparison.Ordinal
        );

    [Fact]
    public void JobTable_LongDetail_DoesNotSqueezeOtherColumns()
    {
        var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, Out = new AnsiConsoleOutput(text) });
        console.Profile.Width = 100;
        var at = DateTimeOffset.UnixEpoch;
        JobResponse job = new()
        {
            Id = "j",
            Name = "integration-tests-on-linux",
            JobType = "test",
            Attempt = 1,
            Status = "canceled",
            CreatedAt = at,
            StartedAt = at,
            FinishedAt = at.AddSeconds(61),
            Steps = [],
            Detail = string.Join(' ', Enumerable.Repeat("The node was drained by its administrator.", 20)),
        };

        console.Write(RunSummary.JobTable([job]));

        var lines = text.ToString().Split('\n');
        Assert.Contains(
            lines,
            l =>
                l.Contains("integration-tests-on-linux", StringComparison.Ordinal)
                && l.Contains("canceled", StringComparison.Ordinal)
                && l.Contains("1m01s", StringComparison.Ordinal)
        );
        Assert.True(lines.Length > 10, "The detail is truncated.");
    }

    /// <summary>Runs the command in a pseudo-terminal with <c>script</c> of util-linux.</summary>
    private async Task<string> OnATerminalAsync(string command)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "shipinator.dll");
        var words = string.Join(' ', command.Split(' ').Select(w => $"'{w}'"));
        var outcome = await Shell.FinishAsync(_shell.StartProgram("script", "-qec", $"dotnet {program} {words}", "/dev/null"));
        Assert.NotEqual("", outcome.Output);
        return outcome.Output;
    }

    /// <summary>Line breaks, colors, and the sequences with which .NET queries the terminal.</summary>
    [GeneratedRegex("\r?\n|\t|\u001b\\[[0-9;]*m|\u001b\\[\\?1[hl]|\u001b[=>]|\u001b\\[6n")]
    private static partial Regex Harmless();
}
