using System.Diagnostics;
using System.Text.Json;

namespace Shipinator.Cli.Tests;

/// <summary><c>--ref</c> and registration send the full names that Git resolves locally.</summary>
public sealed class ReferenceTests : IAsyncLifetime
{
    private const string Pipeline = "build: { steps: [ { name: compile, run: make } ] }\n";
    private readonly Shell _shell = new();
    private FakeServer _server = null!;
    private string _folder = "";

    public async ValueTask InitializeAsync()
    {
        _server = await FakeServer.StartAsync();
        _shell.Environment["SHIPINATOR_SERVER_URL"] = _server.Url;
        _shell.Environment["SHIPINATOR_TOKEN"] = FakeServer.Token;
        _folder = await _shell.MakeRepositoryAsync(Pipeline);
        Git("commit", "-q", "--allow-empty", "-m", "second");
        Git("tag", "v1", "HEAD~1");
        Git("checkout", "-q", "-b", "topic");
        Git("commit", "-q", "--allow-empty", "-m", "third");
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _shell.Dispose();
    }

    [Theory]
    [InlineData(null, "refs/heads/topic", "topic")]
    [InlineData("main", "refs/heads/main", "main")]
    [InlineData("v1", "refs/tags/v1", "v1")]
    [InlineData("refs/heads/main", "refs/heads/main", "main")]
    [InlineData("heads/main", "refs/heads/main", "main")]
    [InlineData("HEAD", "refs/heads/topic", "topic")]
    [InlineData("@", "refs/heads/topic", "topic")]
    [InlineData("HEAD~1", "refs/heads/topic", "topic~1")]
    [InlineData("main^", "refs/heads/main", "main~1")]
    [InlineData("v1^{commit}", null, "v1")]
    public async Task Run_Revision_IsSentAsFullRefAndCommit(string? given, string? fullRef, string commit)
    {
        var outcome = given is null ? await _shell.RunAsync("run", _folder) : await _shell.RunAsync("run", _folder, "--ref", given);

        Assert.True(outcome.ExitCode == 0, outcome.Error);
        var (sentRef, sentCommit) = Sent();
        Assert.Equal(Git("rev-parse", commit + "^{commit}"), sentCommit);
        Assert.Equal(fullRef ?? sentCommit, sentRef);
    }

    [Fact]
    public async Task Run_AbbreviatedCommit_IsResolved()
    {
        var id = Git("rev-parse", "main");
        var outcome = await _shell.RunAsync("run", _folder, "--ref", id[..9]);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.Equal((id, id), Sent());
    }

    [Fact]
    public async Task Run_NameOfBranchAndTag_IsRejectedAsAmbiguous()
    {
        Git("tag", "topic", "main~1");
        var outcome = await _shell.RunAsync("run", _folder, "--ref", "topic");
        Assert.Equal(ExitCodes.Usage, outcome.ExitCode);
        Assert.Contains("refs/heads/topic or refs/tags/topic", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(_server.RunRequests);

        Assert.Equal(0, (await _shell.RunAsync("run", _folder)).ExitCode);
        Assert.Equal(("refs/heads/topic", Git("rev-parse", "refs/heads/topic")), Sent());
    }

    [Theory]
    [InlineData("--ref")]
    [InlineData("--input")]
    [InlineData("--project")]
    public async Task Run_ValueWithAtPrefix_IsNotAResponseFile(string option)
    {
        var file = Path.Combine(_shell.Folder, "words");
        await File.WriteAllTextAsync(file, "secret-of-a-file\n", TestContext.Current.CancellationToken);
        var outcome = await _shell.RunAsync("run", _folder, option, "@" + file, "@" + file);
        Assert.DoesNotContain("secret-of-a-file", outcome.Error + outcome.Output, StringComparison.Ordinal);
        Assert.NotEqual(0, outcome.ExitCode);
    }

    [Theory]
    [InlineData("trunk", "trunk")]
    [InlineData(null, "main")]
    public async Task Run_FirstOnAFeatureBranch_RegistersTheDefaultBranch(string? originHead, string expected)
    {
        if (originHead is not null)
        {
            Git("update-ref", "refs/remotes/origin/" + originHead, "main");
            Git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/" + originHead);
        }

        Assert.Equal(0, (await _shell.RunAsync("run", _folder)).ExitCode);
        using var json = JsonDocument.Parse(Assert.Single(_server.RepositoryRequests));
        Assert.Equal(expected, json.RootElement.GetProperty("default_branch").GetString());
        Assert.DoesNotContain(_server.Requests, r => r.EndsWith("/sync", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Set_DefaultBranch_IsUpdatedAndNoOptionIsAnError()
    {
        _server.HasRepository = true;
        var outcome = await _shell.RunAsync("repositories", "set", "shop", "--default-branch", "trunk");
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.Contains("trunk", outcome.Output, StringComparison.Ordinal);
        Assert.Equal("""{"default_branch":"trunk"}""", Assert.Single(_server.RepositoryRequests));
        Assert.Equal(ExitCodes.Usage, (await _shell.RunAsync("repositories", "set", "shop")).ExitCode);
    }

    [Theory]
    [InlineData("ci/build.yaml")]
    [InlineData("")]
    public async Task Set_File_IsUpdated(string path)
    {
        _server.HasRepository = true;
        var outcome = await _shell.RunAsync("repositories", "set", "shop", "--file", path);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.Equal($$"""{"pipeline_file":"{{path}}"}""", Assert.Single(_server.RepositoryRequests));
    }

    [Fact]
    public async Task Set_PublicBadge_IsUpdated()
    {
        _server.HasRepository = true;
        var outcome = await _shell.RunAsync("repositories", "set", "shop", "--public-badge", "true");
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.Equal("""{"public_badge":true}""", Assert.Single(_server.RepositoryRequests));
    }

    private (string Ref, string Commit) Sent()
    {
        using var json = JsonDocument.Parse(_server.RunRequests.Last());
        return (json.RootElement.GetProperty("git_ref").GetString()!, json.RootElement.GetProperty("git_sha").GetString()!);
    }

    private string Git(params string[] arguments)
    {
        using var git = Process.Start(
            new ProcessStartInfo("git", ["-c", "user.name=t", "-c", "user.email=t@example.invalid", .. arguments])
            {
                WorkingDirectory = _folder,
                RedirectStandardOutput = true,
            }
        )!;
        var output = git.StandardOutput.ReadToEnd();
        git.WaitForExit();
        Assert.Equal(0, git.ExitCode);
        return output.Trim();
    }
}
