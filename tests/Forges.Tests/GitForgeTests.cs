using System.Diagnostics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Shipinator.Forges.Configuration;
using Shipinator.Forges.Git;

namespace Shipinator.Forges.Tests;

/// <summary>Plain Git against repositories created by the git program.</summary>
public sealed class GitForgeTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("ship-git-").FullName;
    private readonly ForgeRepository _repository;
    private readonly string _path;

    public GitForgeTests()
    {
        _path = Path.Combine(_root, "origin");
        Directory.CreateDirectory(_path);
        Git("init", "-q", "-b", "main");
        Commit("a.txt", "one\n", "first");
        Git("tag", "v1");
        Git("checkout", "-q", "-b", "topic/x");
        Commit("b/ü.txt", "two\n", "second\n\nwith a body");
        _repository = new(RepositoryId.New(TimeProvider.System), _path, "main");
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("main", "refs/heads/main", "first")]
    [InlineData("topic/x", "refs/heads/topic/x", "second\n\nwith a body")]
    [InlineData("v1", "refs/tags/v1", "first")]
    [InlineData("refs/heads/main", "refs/heads/main", "first")]
    public async Task Resolve_BranchTagOrFullRef_IsFound(string name, string fullRef, string message)
    {
        var found = await Forge().Resolve(_repository, name, default);
        Assert.Equal(fullRef, found.FullRef);
        Assert.Equal(Git("rev-parse", fullRef + "^{commit}"), found.Commit);
        Assert.Equal(message, found.Message);
        Assert.Equal("Ann", found.Author);
    }

    [Fact]
    public async Task Resolve_CommitIdWholeOrShort_IsFound()
    {
        var id = Git("rev-parse", "topic/x");
        Assert.Equal(id, (await Forge().Resolve(_repository, id, default)).Commit);
        Assert.Equal(id, (await Forge().Resolve(_repository, id[..10], default)).Commit);
    }

    [Theory]
    [InlineData("nowhere")]
    [InlineData("refs/heads/none")]
    [InlineData("deadbeefdeadbeef")]
    [InlineData("a..b")]
    public async Task Resolve_UnknownName_IsRefNotFound(string name)
    {
        var error = await Assert.ThrowsAsync<ForgeException>(() => Forge().Resolve(_repository, name, default));
        Assert.Equal(ForgeException.RefNotFound, error.Code);
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Resolve_BranchAndTagOfOneName_IsAmbiguous_AndEitherIsFoundByItsFullName()
    {
        Git("tag", "topic/x", "main");
        var error = await Assert.ThrowsAsync<ForgeException>(() => Forge().Resolve(_repository, "topic/x", default));
        Assert.Equal(ForgeException.RefAmbiguous, error.Code);
        Assert.Contains("refs/heads/topic/x", error.Message, StringComparison.Ordinal);
        Assert.Equal(Git("rev-parse", "refs/heads/topic/x"), (await Forge().Resolve(_repository, "refs/heads/topic/x", default)).Commit);
        Assert.Equal(Git("rev-parse", "main"), (await Forge().Resolve(_repository, "refs/tags/topic/x", default)).Commit);
    }

    [Fact]
    public async Task ResolveCommit_RefNamedLikeAnId_IsNotTaken()
    {
        var (main, topic) = (Git("rev-parse", "main"), Git("rev-parse", "topic/x"));
        Git("branch", topic, "main");
        Assert.Equal(topic, (await Forge().ResolveCommit(_repository, topic, default)).Commit);
        Assert.Equal(topic, (await Forge().ResolveCommit(_repository, topic.ToUpperInvariant(), default)).Commit);
        Assert.Equal(
            ForgeException.RefNotFound,
            (await Assert.ThrowsAsync<ForgeException>(() => Forge().ResolveCommit(_repository, "main", default))).Code
        );
        Assert.Equal(main, (await Forge().Resolve(_repository, "refs/heads/" + topic, default)).Commit);
    }

    [Fact]
    public async Task Resolve_ShortId_HasAtLeastSevenDigits()
    {
        var id = Git("rev-parse", "main");
        Assert.Equal(id, (await Forge().Resolve(_repository, id[..7], default)).Commit);
        Assert.Equal(
            ForgeException.RefNotFound,
            (await Assert.ThrowsAsync<ForgeException>(() => Forge().Resolve(_repository, id[..6], default))).Code
        );
    }

    [Fact]
    public async Task DefaultBranch_IsWhatHeadNames()
    {
        Assert.Equal("topic/x", await Forge().DefaultBranch(_repository, default));
        Git("checkout", "-q", "main");
        Assert.Equal("main", await Forge().DefaultBranch(_repository, default));
        Assert.Equal("refs/heads/main", (await Forge().Resolve(_repository, "HEAD", default)).FullRef);
        Git("checkout", "-q", "--detach", "topic/x");
        Assert.Null(await Forge().DefaultBranch(_repository, default));
        Assert.Equal(Git("rev-parse", "topic/x"), (await Forge().Resolve(_repository, "HEAD", default)).Commit);
    }

    [Fact]
    public async Task ReadFile_AtACommit_IsThatCommitsText()
    {
        var (main, topic) = (Git("rev-parse", "main"), Git("rev-parse", "topic/x"));
        Assert.Equal("two\n", await Forge().ReadFile(_repository, topic, "b/ü.txt", default));
        Assert.Equal(
            ForgeException.FileNotFound,
            (await Assert.ThrowsAsync<ForgeException>(() => Forge().ReadFile(_repository, main, "b/ü.txt", default))).Code
        );
    }

    /// <summary>With replaced bytes another script would run than was written.</summary>
    [Theory]
    [InlineData("6275696C643A0A2320E9", "line 2, column 3: The byte 0xE9")]
    [InlineData("FFFE62007500", "line 1, column 1: The byte 0xFF at offset 0 is not valid UTF-8; the file looks like UTF-16")]
    public async Task ReadFile_ThatIsNotUtf8_IsRefusedWithThePosition(string bytes, string says)
    {
        await File.WriteAllBytesAsync(Path.Combine(_path, "latin.yaml"), Convert.FromHexString(bytes));
        Commit("d.txt", "four\n", "fourth");
        var error = await Assert.ThrowsAsync<ForgeException>(() =>
            Forge().ReadFile(_repository, Git("rev-parse", "HEAD"), "latin.yaml", default)
        );
        Assert.Equal(ForgeException.NotUtf8, error.Code);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ChangedFiles_BetweenTwoCommits_AreThoseOfTheSecond()
    {
        Assert.Equal(["b/ü.txt"], await Forge().ChangedFiles(_repository, Git("rev-parse", "main"), Git("rev-parse", "topic/x"), default));
        Assert.Null(await Forge().ChangedFiles(_repository, new string('1', 40), Git("rev-parse", "main"), default));
    }

    [Fact]
    public async Task ListRefs_AreBranchesAndTags() =>
        Assert.Equal(["refs/heads/main", "refs/heads/topic/x", "refs/tags/v1"], await Forge().ListRefs(_repository, default));

    [Fact]
    public async Task Repository_ThatIsNotThere_IsNotFoundOrUnreachable()
    {
        var gone = _repository with { CloneUrl = Path.Combine(_root, "gone") };
        Assert.Equal(
            ForgeException.RepositoryNotFound,
            (await Assert.ThrowsAsync<ForgeException>(() => Forge().Resolve(gone, "main", default))).Code
        );
        var nobody = _repository with { CloneUrl = "http://127.0.0.1:9/x.git" };
        Assert.Equal(
            ForgeException.Unreachable,
            (await Assert.ThrowsAsync<ForgeException>(() => Forge().Resolve(nobody, "main", default))).Code
        );
    }

    [Fact]
    public async Task Resolve_FileUrl_IsReadInPlaceAndSeesNewCommits()
    {
        var byUrl = _repository with { CloneUrl = new Uri(_path).AbsoluteUri };
        var forge = Forge();
        var before = await forge.Resolve(byUrl, "topic/x", default);
        Commit("c.txt", "three\n", "third");
        Assert.NotEqual(before.Commit, (await forge.Resolve(byUrl, "topic/x", default)).Commit);
    }

    [Fact]
    public async Task Credentials_AreFoundByHost_AndSecretsInTheNarrowestScope()
    {
        var (project, repository) = (ProjectId.New(TimeProvider.System), RepositoryId.New(TimeProvider.System));
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(
                new Dictionary<string, string?>
                {
                    ["Shipinator:GitCredentials:git.example.org:Username"] = "bot",
                    ["Shipinator:GitCredentials:git.example.org:Password"] = "pw",
                    ["Shipinator:Secrets:A"] = "all",
                    [$"Shipinator:Secrets:{project}:A"] = "project",
                    [$"Shipinator:Secrets:{repository}:A"] = "repository",
                    ["Shipinator:Secrets:B"] = "all",
                }
            )
            .Build();
        Assert.Equal(
            new GitCredential("bot", "pw", "https://git.example.org"),
            await new ConfigurationGitCredentials(configuration).Find("https://git.example.org/x.git", default)
        );
        Assert.Null(await new ConfigurationGitCredentials(configuration).Find("https://example.org/x.git", default));
        var secrets = new ConfigurationSecrets(configuration);
        var request = new SecretRequest(project, repository, ["A", "B", "C"], new() { Event = "push" });
        var found = await secrets.Resolve(request, default);
        Assert.Equal("repository", found.Values["A"]);
        Assert.Equal("all", found.Values["B"]);
        Assert.Equal(["C"], found.Denied.Select(d => d.Name));
        Assert.Equal(["all", "repository"], (await secrets.ValuesToMask(request, default)).Order(StringComparer.Ordinal));

        var ofFork = await secrets.Resolve(
            request with
            {
                Origin = new() { Event = "pr", IsFork = true },
            },
            default
        );
        Assert.Empty(ofFork.Values);
        Assert.Empty(ofFork.Denied);
        Assert.Equal(["A", "B", "C"], ofFork.Withheld);
    }

    private GitForge Forge() =>
        new(
            Options.Create(
                new ForgeOptions
                {
                    CacheRoot = Path.Combine(_root, "cache"),
                    AllowLocalPaths = true,
                    AllowedHosts = ["127.0.0.0/8"],
                }
            ),
            new ConfiguredRepositoryCredentials(new ConfigurationGitCredentials(new ConfigurationBuilder().Build())),
            TimeProvider.System
        );

    private void Commit(string file, string text, string message)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_path, file))!);
        File.WriteAllText(Path.Combine(_path, file), text);
        Git("add", "-A");
        Git("-c", "user.name=Ann", "-c", "user.email=ann@example.invalid", "commit", "-q", "-m", message);
    }

    private string Git(params string[] arguments)
    {
        using var git = Process.Start(new ProcessStartInfo("git", arguments) { WorkingDirectory = _path, RedirectStandardOutput = true })!;
        var output = git.StandardOutput.ReadToEnd();
        git.WaitForExit();
        Assert.Equal(0, git.ExitCode);
        return output.Trim();
    }
}
