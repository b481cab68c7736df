using System.Text.Json;

namespace Shipinator.Cli.Tests;

/// <summary>The program as a process: what it prints, and what it ends with.</summary>
public sealed class CommandTests : IAsyncLifetime
{
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
    [InlineData("list", "--nonsense")]
    [InlineData("list", "--status", "odd")]
    [InlineData("list", "--limit", "0")]
    [InlineData("up", "--port", "70000")]
    [InlineData("nonsense")]
    [InlineData("run", "/nowhere/at/all")]
    public async Task Command_UsedWrongly_EndsWithUsage(params string[] arguments)
    {
        var outcome = await _shell.RunAsync(arguments);

        Assert.Equal(ExitCodes.Usage, outcome.ExitCode);
        Assert.StartsWith("shipinator: ", outcome.Error, StringComparison.Ordinal);
        Assert.Equal("", outcome.Output);
    }

    [Theory]
    [InlineData("run", "--reff", "main")]
    [InlineData("lint", "--exectuor")]
    [InlineData("cancel", "-x")]
    public async Task Command_WithAnUnknownOption_NamesItAndDoesNotTakeItForAValue(string command, params string[] arguments)
    {
        var outcome = await _shell.RunAsync([command, .. arguments]);

        Assert.Equal(ExitCodes.Usage, outcome.ExitCode);
        Assert.Contains($"'{arguments[0]}'", outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("no folder", outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("no file", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(_server.Requests);
    }

    [Fact]
    public async Task AnyCommand_ServerAway_SaysWhichAndHowToGetOne()
    {
        _shell.Environment["SHIPINATOR_SERVER_URL"] = "http://127.0.0.1:1";

        var outcome = await _shell.RunAsync("list");

        Assert.Equal(ExitCodes.Unreachable, outcome.ExitCode);
        Assert.Contains("http://127.0.0.1:1", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("shipinator up", outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnyCommand_NoServerKnown_SaysHowToGetOne()
    {
        _shell.Environment.Clear();

        var outcome = await _shell.RunAsync("list");

        Assert.Equal(ExitCodes.Unreachable, outcome.ExitCode);
        Assert.Contains("shipinator login", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnyCommand_WrongToken_IsRefused()
    {
        _shell.Environment["SHIPINATOR_TOKEN"] = "wrong";

        var outcome = await _shell.RunAsync("list");

        Assert.Equal(ExitCodes.Refused, outcome.ExitCode);
        Assert.Contains("The token is not known.", outcome.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ExitCodes.NotFound, "status", "01890a5d-ac96-774b-bcce-b302099a8099")]
    [InlineData(ExitCodes.NotFound, "status", "99", "")]
    [InlineData(ExitCodes.NotFound, "logs", "01890a5d-ac96-774b-bcce-b302099a8099")]
    [InlineData(ExitCodes.NotFound, "trigger", "unknown")]
    [InlineData(ExitCodes.Invalid, "projects", "add", "shop")]
    public async Task Command_ServerSaysNo_EndsWithItsCode(int code, params string[] arguments)
    {
        var outcome = await _shell.RunAsync([.. arguments.Where(a => a.Length > 0)]);

        Assert.Equal(code, outcome.ExitCode);
        Assert.StartsWith("shipinator: There is ", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task List_AsJson_PrintsNothingElseOnStandardOutput()
    {
        var outcome = await _shell.RunAsync("list", "--output", "json");

        Assert.Equal(0, outcome.ExitCode);
        using var json = JsonDocument.Parse(outcome.Output);
        Assert.Equal(7, json.RootElement[0].GetProperty("run_number").GetInt64());
    }

    [Fact]
    public async Task Status_ByNumber_ShowsJobsAndArtifacts()
    {
        var outcome = await _shell.RunAsync("status", "#7");

        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains("compile", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("out/app", outcome.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', outcome.Output);
    }

    /// <summary>What an older server or runner does not send has its default: generated readers of JSON set members with 'init' to nothing.</summary>
    [Fact]
    public void Contracts_MembersThatAreAbsent_HaveTheirDefaults()
    {
        Assert.Empty(
            System
                .Text.Json.JsonSerializer.Deserialize("""{"valid":true,"errors":[]}""", Client.ShipinatorJson.Default.LintResponse)!
                .Warnings
        );
        Assert.Equal(
            ("manual", "main"),
            System.Text.Json.JsonSerializer.Deserialize("""{"content":""}""", Client.ShipinatorJson.Default.LintRequest) is { } lint
                ? (lint.Event, lint.Branch)
                : default
        );
        Assert.Equal("start", System.Text.Json.JsonSerializer.Deserialize("{}", Client.ShipinatorJson.Default.RerunRequest)!.From);
        var defaulted = typeof(Client.LintResponse)
            .Assembly.GetExportedTypes()
            .Where(t => !t.ContainsGenericParameters && t.GetConstructor([]) is not null && t.GetProperties().Length > 0)
            .SelectMany(t =>
                t.GetProperties()
                    .Where(p =>
                        p.SetMethod is { } set
                        && set.ReturnParameter.GetRequiredCustomModifiers().Length > 0
                        && !p.IsDefined(typeof(System.Runtime.CompilerServices.RequiredMemberAttribute), false)
                        && p.GetValue(System.Runtime.CompilerServices.RuntimeHelpers.GetUninitializedObject(t)) is var none
                        && !Equals(none, p.GetValue(Activator.CreateInstance(t)))
                    )
                    .Select(p => $"{t.Name}.{p.Name}")
            );
        Assert.Empty(defaulted);
    }

    [Theory]
    [InlineData("build: { steps: [ { name: a, run: make } ] }", ExitCodes.Success)]
    [InlineData("build:\n  stpes: []\n", ExitCodes.PipelineFile)]
    public async Task Lint_File_EndsAsTheFileIs(string content, int code)
    {
        await File.WriteAllTextAsync(Path.Combine(_shell.Folder, ".shipinator.yaml"), content, TestContext.Current.CancellationToken);

        var outcome = await _shell.RunAsync("lint");

        Assert.Equal(code, outcome.ExitCode);
        Assert.Equal(
            code == ExitCodes.PipelineFile,
            outcome.Error.Contains(".shipinator.yaml:2:3: build: unknown key 'stpes'", StringComparison.Ordinal)
        );
    }

    [Theory]
    [InlineData("FFFE6200", 1, 1, "looks like UTF-16")]
    [InlineData("62007500", 1, 2, "looks like UTF-16")]
    [InlineData("6275696C643A0A2320E9", 2, 3, "0xE9 at offset 9")]
    [InlineData("EFBBBF61E2820A", 1, 2, "0xE2 at offset 4")]
    [InlineData("C0AF", 1, 1, "0xC0")]
    [InlineData("EDA080", 1, 1, "0xED")]
    public async Task Lint_BytesThatAreNotUtf8_AreToldAtTheirPlaceAndNeverSent(string bytes, int line, int column, string says)
    {
        var file = Path.Combine(_shell.Folder, "ci.yaml");
        await File.WriteAllBytesAsync(file, Convert.FromHexString(bytes), TestContext.Current.CancellationToken);

        var outcome = await _shell.RunAsync("lint", file);

        Assert.Equal(ExitCodes.PipelineFile, outcome.ExitCode);
        Assert.Contains($"ci.yaml:{line}:{column}: ", outcome.Error, StringComparison.Ordinal);
        Assert.Contains(says, outcome.Error, StringComparison.Ordinal);
        Assert.Contains("Save the file as UTF-8", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lint_Warnings_AreShownAndDoNotFail()
    {
        var file = Path.Combine(_shell.Folder, "ci.yaml");
        await File.WriteAllBytesAsync(
            file,
            [0xEF, 0xBB, 0xBF, .. "build: { steps: [ { name: a, run: warned } ] }"u8],
            TestContext.Current.CancellationToken
        );

        var outcome = await _shell.RunAsync("lint", file);

        Assert.Equal(ExitCodes.Success, outcome.ExitCode);
        Assert.Contains("ci.yaml:1:5: warning: pipes", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Login_KnownToken_KeepsItForThisUserAndThisServerAlone()
    {
        _shell.Environment.Clear();
        await using var other = await FakeServer.StartAsync();

        var login = await _shell.RunAsync("login", _server.Url, "--token", FakeServer.Token);
        var kept = Path.Combine(_shell.Folder, "config", "shipinator", "config.json");
        var list = await _shell.RunAsync("list");
        var elsewhere = await _shell.RunAsync("list", "--server", other.Url);

        Assert.Equal(0, login.ExitCode);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(kept));
        Assert.Equal(0, list.ExitCode);
        Assert.Equal(ExitCodes.Refused, elsewhere.ExitCode);
        Assert.All(other.Tokens, t => Assert.Equal("", t));
    }

    [Fact]
    public async Task AnyCommand_StandaloneServerOnThisMachine_IsFound()
    {
        _shell.Environment.Clear();
        _shell.Environment["SHIPINATOR_DATA"] = _shell.Folder;
        await File.WriteAllTextAsync(
            Path.Combine(_shell.Folder, "server.json"),
            $$"""{"url":"{{_server.Url}}","token":"{{FakeServer.Token}}","pid":1}""",
            TestContext.Current.CancellationToken
        );

        Assert.Equal(0, (await _shell.RunAsync("list")).ExitCode);
    }

    [Fact]
    public async Task Download_NameThatPointsOut_StaysInTheFolder()
    {
        _server.ArtifactName = "../../evil";

        var outcome = await _shell.RunAsync("artifacts", "download", FakeServer.Artifact);

        Assert.Equal(0, outcome.ExitCode);
        Assert.Equal("payload", await File.ReadAllTextAsync(Path.Combine(_shell.Folder, "evil"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Download_Damaged_LeavesNothing()
    {
        _server.ArtifactSum = new string('0', 64);

        var outcome = await _shell.RunAsync("artifacts", "download", FakeServer.Artifact);

        Assert.Equal(ExitCodes.Failed, outcome.ExitCode);
        Assert.Contains("damaged", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_shell.Folder));
    }

    [Fact]
    public async Task Help_EveryCommand_IsInTheDocument()
    {
        var help = (await _shell.RunAsync("--help")).Output;
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Shipinator.sln")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        var document = await File.ReadAllTextAsync(Path.Combine(folder, "docs", "cli.md"), TestContext.Current.CancellationToken);
        var commands = help[help.IndexOf("Commands:", StringComparison.Ordinal)..]
            .Split('\n')
            .Skip(1)
            .Where(l => l.Length > 2 && l.StartsWith("  ", StringComparison.Ordinal) && char.IsAsciiLetterLower(l[2]))
            .Select(l => l.Trim().Split(' ')[0])
            .ToList();

        Assert.Equal(
            [
                "up",
                "login",
                "run",
                "trigger",
                "rerun",
                "cancel",
                "list",
                "status",
                "logs",
                "lint",
                "artifacts",
                "projects",
                "repositories",
                "tokens",
            ],
            commands
        );
        Assert.All(commands, c => Assert.Contains($"`{c}", document, StringComparison.Ordinal));
    }
}
