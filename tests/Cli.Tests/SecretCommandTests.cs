using System.Text.Json;

namespace Shipinator.Cli.Tests;

/// <summary>Secrets and credentials: values come from standard input, files and variables, and never from arguments.</summary>
public sealed class SecretCommandTests : IAsyncLifetime
{
    private readonly Shell _shell = new();
    private FakeServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await FakeServer.StartAsync();
        _server.HasRepository = true;
        _shell.Environment["SHIPINATOR_SERVER_URL"] = _server.Url;
        _shell.Environment["SHIPINATOR_TOKEN"] = FakeServer.Token;
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _shell.Dispose();
    }

    [Theory]
    [InlineData("hidden\n", "hidden")]
    [InlineData("hidden\r\n", "hidden")]
    [InlineData("hidden", "hidden")]
    [InlineData("two\nlines\n", "two\nlines\n")]
    [InlineData("hidden\n", "hidden\n", "--raw")]
    public async Task Set_SendsStandardInput_AndNeverAnArgument(string input, string value, params string[] options)
    {
        var outcome = await WithInputAsync(input, ["secret", "set", "TOKEN", "--repository", "shop", .. options]);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.Contains("PUT /v1/repositories/r1/secrets/TOKEN", _server.Requests);
        Assert.Equal(value, Sent().GetProperty("value").GetString());
        Assert.False(Sent().TryGetProperty("events", out _));
        Assert.Contains("Set secret TOKEN of the repository (version 3).", outcome.Error, StringComparison.Ordinal);

        var argument = await _shell.RunAsync("secret", "set", "TOKEN", "a-value", "--repository", "shop");
        Assert.Equal(ExitCodes.Usage, argument.ExitCode);
    }

    [Fact]
    public async Task Set_FromFileAndVariable_WithLimits()
    {
        var file = Path.Combine(_shell.Folder, "value");
        await File.WriteAllTextAsync(file, "of the file\n", TestContext.Current.CancellationToken);
        await SucceedAsync(
            "secret",
            "set",
            "TOKEN",
            "--project",
            "shop",
            "--from-file",
            file,
            "--event",
            "push",
            "--event",
            "pr",
            "--branch",
            "main"
        );
        Assert.Contains("PUT /v1/projects/p1/secrets/TOKEN", _server.Requests);
        Assert.Equal("""{"value":"of the file","events":["push","pr"],"branches":["main"]}""", Sent().GetRawText());

        _shell.Environment["MY_VALUE"] = "of the variable";
        await SucceedAsync("secret", "set", "TOKEN", "--project", "shop", "--from-env", "MY_VALUE");
        Assert.Equal("""{"value":"of the variable"}""", Sent().GetRawText());

        await SucceedAsync("secret", "set", "TOKEN", "--project", "shop", "--keep-value", "--branch", "any");
        Assert.Equal("""{"branches":[]}""", Sent().GetRawText());
    }

    [Theory]
    [InlineData("Specify either --repository NAME or --project NAME.", "--from-env", "MY_VALUE")]
    [InlineData(
        "Specify either --repository NAME or --project NAME.",
        "--from-env",
        "MY_VALUE",
        "--project",
        "shop",
        "--repository",
        "shop"
    )]
    [InlineData("The environment variable NOT_SET is not set or empty.", "--from-env", "NOT_SET", "--project", "shop")]
    [InlineData("--from-file and --from-env can't be used together.", "--from-env", "MY_VALUE", "--from-file", "x", "--project", "shop")]
    [InlineData("'tag' is not a valid --event; expected one of push, pr, manual, schedule, any.", "--event", "tag", "--project", "shop")]
    [InlineData("The value is empty.", "--project", "shop")]
    public async Task Set_InvalidOptions_AreUsageErrors(string message, params string[] options)
    {
        _shell.Environment["MY_VALUE"] = "value";
        var outcome = await _shell.RunAsync(["secret", "set", "TOKEN", .. options]);
        Assert.Equal(ExitCodes.Usage, outcome.ExitCode);
        Assert.Contains(message, outcome.Error, StringComparison.Ordinal);
        Assert.Empty(_server.SecretRequests);
    }

    [Fact]
    public async Task Set_NotUtf8_IsRefused()
    {
        var file = Path.Combine(_shell.Folder, "value");
        await File.WriteAllBytesAsync(file, [0x61, 0xff, 0x62, 0x63], TestContext.Current.CancellationToken);
        var outcome = await _shell.RunAsync("secret", "set", "TOKEN", "--project", "shop", "--from-file", file);
        Assert.Equal(ExitCodes.Usage, outcome.ExitCode);
        Assert.Contains("The value is not UTF-8", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task List_AndRemove()
    {
        var list = await SucceedAsync("secret", "list", "--repository", "shop");
        Assert.Contains("TOKEN", list.Output, StringComparison.Ordinal);
        Assert.Contains("token:bob", list.Output, StringComparison.Ordinal);
        var json = await SucceedAsync("secrets", "list", "--project", "shop", "--output", "json");
        Assert.Equal(3, JsonDocument.Parse(json.Output).RootElement[0].GetProperty("version").GetInt32());
        await SucceedAsync("secret", "rm", "TOKEN", "--project", "shop");
        Assert.Contains("DELETE /v1/projects/p1/secrets/TOKEN", _server.Requests);
    }

    [Fact]
    public async Task Credential_AndWebhookSecret_AreSetShownAndRemoved()
    {
        var set = await WithInputAsync("hidden-token\n", ["repo", "credential", "set", "shop", "--username", "robot"]);
        Assert.True(set.ExitCode == 0, set.Error);
        Assert.Equal("""{"username":"robot","password":"hidden-token"}""", Sent().GetRawText());
        Assert.Contains("for https://git.example.org/x only", set.Error, StringComparison.Ordinal);
        var shown = await SucceedAsync("repositories", "credential", "show", "shop");
        Assert.Contains("not used, because the clone URL has changed", shown.Output, StringComparison.Ordinal);
        await SucceedAsync("repo", "credential", "rm", "shop");
        Assert.Contains("DELETE /v1/repositories/r1/credential", _server.Requests);

        set = await WithInputAsync("hidden-0123456789\n", ["repo", "webhook-secret", "set", "shop"]);
        Assert.True(set.ExitCode == 0, set.Error);
        Assert.Equal("""{"value":"hidden-0123456789"}""", Sent().GetRawText());
        Assert.Contains("The one before is accepted until", set.Error, StringComparison.Ordinal);
        Assert.Contains("version 2", (await SucceedAsync("repo", "webhook-secret", "show", "shop")).Output, StringComparison.Ordinal);
        await SucceedAsync("repo", "webhook-secret", "rm", "shop");
        Assert.Contains("DELETE /v1/repositories/r1/webhook-secret", _server.Requests);
    }

    [Fact]
    public async Task RotateKeys_SaysHowMany()
    {
        var outcome = await SucceedAsync("admin", "rotate-keys");
        Assert.Contains(
            "Encrypted 12 values with key 0011223344556677. Older keys can be removed now.",
            outcome.Error,
            StringComparison.Ordinal
        );
    }

    private async Task<Outcome> SucceedAsync(params string[] arguments)
    {
        var outcome = await _shell.RunAsync(arguments);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        return outcome;
    }

    /// <summary>Runs the command with a file as its standard input, as <c>&lt; FILE</c> does.</summary>
    private async Task<Outcome> WithInputAsync(string input, string[] arguments)
    {
        var file = Path.Combine(_shell.Folder, "input");
        await File.WriteAllTextAsync(file, input, TestContext.Current.CancellationToken);
        var program = Path.Combine(AppContext.BaseDirectory, "shipinator.dll");
        return await Shell.FinishAsync(_shell.StartProgram("/bin/sh", ["-c", "exec dotnet \"$@\" < input", "sh", program, .. arguments]));
    }

    private JsonElement Sent() => JsonDocument.Parse(_server.SecretRequests.Last()).RootElement;
}
