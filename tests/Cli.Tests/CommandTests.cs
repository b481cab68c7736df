using System.Text.Json;

namespace Shipinator.Cli.Tests;

/// <summary>Runs the program as a process and checks its output and exit codes.</summary>
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
    [InlineData("Unknown option '--nonsense' for 'shipinator list'. ", "list", "--nonsense")]
    [InlineData("'odd' is not a valid --status; expected one of pending, running, success, failed, canceled.", "list", "--status", "odd")]
    [InlineData("--limit must be at least 1, but was 0.", "list", "--limit", "0")]
    [InlineData("'many' is not a valid --limit; expected a number.", "list", "--limit", "many")]
    [InlineData("--port must be between 0 and 65535, but was 70000.", "up", "--port", "70000")]
    [InlineData("'nonsense' is not a command of 'shipinator'; expected one of up, login, ", "nonsense")]
    [InlineData("'shipinator tokens' requires a command: create, list, revoke.", "tokens")]
    [InlineData("'yaml' is not a valid --output; expected one of table, json.", "list", "--output", "yaml")]
    [InlineData("Folder /nowhere/at/all does not exist.", "run", "/nowhere/at/all")]
    public async Task Command_InvalidArguments_ReturnsUsage(string message, params string[] arguments)
    {
        var outcome = await _shell.RunAsync(arguments);

        Assert.Equal(ExitCodes.Usage, outcome.ExitCode);
        Assert.StartsWith("shipinator: " + message, outcome.Error, StringComparison.Ordinal);
        Assert.Single(outcome.Error.Split('\n'), l => l.StartsWith("shipinator: ", StringComparison.Ordinal));
        Assert.Equal("", outcome.Output);
    }

    [Theory]
    [InlineData("run", "--reff", "main")]
    [InlineData("lint", "--exectuor")]
    [InlineData("cancel", "-x")]
    public async Task Command_UnknownOption_IsNotParsedAsAValue(string command, params string[] arguments)
    {
        var outcome = await _shell.RunAsync([command, .. arguments]);

        Assert.Equal(ExitCodes.Usage, outcome.ExitCode);
        Assert.Contains($"'{arguments[0]}'", outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Folder ", outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("File ", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(_server.Requests);
    }

    [Fact]
    public async Task AnyCommand_ServerUnreachable_NamesServerAndFix()
    {
        _shell.Environment["SHIPINATOR_SERVER_URL"] = "http://127.0.0.1:1";

        var outcome = await _shell.RunAsync("list");

        Assert.Equal(ExitCodes.Unreachable, outcome.ExitCode);
        Assert.Contains(
            "Server http://127.0.0.1:1/ (from SHIPINATOR_SERVER_URL) is unreachable: ",
            outcome.Error,
            StringComparison.Ordinal
        );
        Assert.Contains("shipinator up", outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnyCommand_NoServerConfigured_NamesFix()
    {
        _shell.Environment.Clear();

        var outcome = await _shell.RunAsync("list");

        Assert.Equal(ExitCodes.Unreachable, outcome.ExitCode);
        Assert.Contains("shipinator login", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnyCommand_InvalidToken_ReturnsUnauthorized()
    {
        _shell.Environment["SHIPINATOR_TOKEN"] = "wrong";

        var outcome = await _shell.RunAsync("list");

        Assert.Equal(ExitCodes.Unauthorized, outcome.ExitCode);
        Assert.Contains("The token is invalid. Provide a token with ", outcome.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ExitCodes.NotFound, "Pipeline run", "status", "01890a5d-ac96-774b-bcce-b302099a8099")]
    [InlineData(ExitCodes.NotFound, "Run '99' does not exist. ", "status", "99")]
    [InlineData(ExitCodes.NotFound, "Execution not found.", "logs", "01890a5d-ac96-774b-bcce-b302099a8099")]
    [InlineData(ExitCodes.NotFound, "Repository 'unknown' does not exist. ", "trigger", "unknown")]
    [InlineData(ExitCodes.Invalid, "Project 'shop' already exists.", "projects", "add", "shop")]
    public async Task Command_RequestIsRejected_ReturnsItsExitCode(int code, string message, params string[] arguments)
    {
        var outcome = await _shell.RunAsync(arguments);

        Assert.Equal(code, outcome.ExitCode);
        Assert.StartsWith("shipinator: " + message, outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task List_AsJson_WritesOnlyJsonToStandardOutput()
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

    /// <summary>
    /// Members that an older server or runner omits have their defaults: source-generated JSON resets members with 'init'.
    /// </summary>
    [Fact]
    public void Contracts_MissingMembers_HaveTheirDefaults()
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
    public async Task Lint_File_ReturnsExitCodeOfTheResult(string content, int code)
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
    public async Task Lint_InvalidUtf8_IsReportedWithItsPositionAndNotSent(string bytes, int line, int column, string says)
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
    public async Task Lint_Warnings_AreShownWithoutFailing()
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
    public async Task Login_ValidToken_IsSavedForThisUserAndServerOnly()
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
        Assert.Equal(ExitCodes.Unauthorized, elsewhere.ExitCode);
        Assert.All(other.Tokens, t => Assert.Equal("", t));
    }

    [Fact]
    public async Task AnyCommand_StandaloneServerOnThisMachine_IsDiscovered()
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
    public async Task Download_NameWithPathTraversal_StaysInTheFolder()
    {
        _server.ArtifactName = "../../evil";

        var outcome = await _shell.RunAsync("artifacts", "download", FakeServer.Artifact);

        Assert.Equal(0, outcome.ExitCode);
        Assert.Equal("payload", await File.ReadAllTextAsync(Path.Combine(_shell.Folder, "evil"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Download_WrongChecksum_LeavesNoFile()
    {
        _server.ArtifactSum = new string('0', 64);

        var outcome = await _shell.RunAsync("artifacts", "download", FakeServer.Artifact);

        Assert.Equal(ExitCodes.Failed, outcome.ExitCode);
        Assert.Contains("is corrupted: its SHA-256 is", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_shell.Folder));
    }

    [Fact]
    public async Task Help_EveryCommand_IsDocumented()
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
            .Select(l => l.Trim().Split(' ')[0].TrimEnd(','))
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
                "deliveries",
                "artifacts",
                "projects",
                "repo",
                "schedules",
                "schedule",
                "tokens",
                "secret",
                "admin",
            ],
            commands
        );
        Assert.All(commands, c => Assert.Contains($"`{c}", document, StringComparison.Ordinal));
    }
}
