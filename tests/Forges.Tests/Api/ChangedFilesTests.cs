using Shipinator.Testing;

namespace Shipinator.Forges.Tests.Api;

/// <summary>Changed files: all of them, or null; by the mirror first, and by the API where the mirror can't tell.</summary>
public sealed class ChangedFilesTests
{
    private static readonly string Old = new('a', 40);
    private static readonly string New = new('b', 40);

    [Theory]
    [InlineData("github", 250)]
    [InlineData("gitea-new", 120)]
    [InlineData("forgejo", 50)]
    [InlineData("github", 100)]
    [InlineData("github", 0)]
    public async Task PullRequest_SeveralPages_AreAllListed(string kind, int count)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        var files = Enumerable.Range(0, count).Select(i => ($"dir/{i:0000}", (string?)null)).ToList();
        harness.Repository.Pulls[7] = new(7, Old, New, files);
        Assert.Equal(files.Select(f => f.Item1), (await harness.Pulls.PullRequestFiles(harness.Target, 7, default))!);
    }

    [Theory]
    [InlineData("github")]
    [InlineData("gitea-new")]
    public async Task PullRequest_RenamedFile_HasBothNames(string kind)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        harness.Repository.Pulls[7] = new(7, Old, New, [("b", "a"), ("c", null)]);
        Assert.Equal(["a", "b", "c"], (await harness.Pulls.PullRequestFiles(harness.Target, 7, default))!);
    }

    [Theory]
    [InlineData(2999, true)]
    [InlineData(3000, false)]
    [InlineData(5000, false)]
    public async Task GitHub_PullRequestAtTheLimit_IsUnknown(int count, bool isKnown)
    {
        await using var harness = await ApiHarness.StartAsync("github");
        harness.Repository.Pulls[7] = new(7, Old, New, [.. Enumerable.Range(0, count).Select(i => ($"f{i}", (string?)null))]);
        Assert.Equal(isKnown, await harness.Pulls.PullRequestFiles(harness.Target, 7, default) is not null);
    }

    [Theory]
    [InlineData("github")]
    [InlineData("gitea-new")]
    public async Task PullRequest_Unknown_IsNotFound(string kind)
    {
        await using var harness = await ApiHarness.StartAsync(kind);
        var error = await ApiHarness.FailsAsync(() => harness.Pulls.PullRequestFiles(harness.Target, 8, default));
        Assert.Equal(ForgeRequestException.NotFound, error.Code);
    }

    /// <summary>Gitea before 1.18 lists no files of a pull request, so they come from its repository.</summary>
    [Fact]
    public async Task Gitea_VersionWithoutTheList_UsesTheMirror()
    {
        var root = Directory.CreateTempSubdirectory("ship-pull-").FullName;
        try
        {
            await using var git = await GitHttpServer.StartAsync(root);
            var first = git.Create("/org/app.git", ("a", "1"), ("b", "1"));
            var head = Commit(git.Bare("/org/app.git"), first, "refs/pull/7/head", "c");
            var base2 = Commit(git.Bare("/org/app.git"), first, "refs/heads/main", "d");
            await using var harness = await ApiHarness.StartAsync("gitea", root);
            harness.Repository.Pulls[7] = new(7, base2, head, []);
            Assert.Equal(["c"], (await harness.Pulls.PullRequestFiles(harness.Target, 7, default))!);

            harness.Repository.Pulls[8] = new(8, base2, New, []);
            Assert.Null(await harness.Pulls.PullRequestFiles(harness.Target, 8, default));
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    [Theory]
    [InlineData("github")]
    [InlineData("gitea-new")]
    [InlineData("gitea")]
    public async Task Compare_CommitThatTheMirrorLacks_IsAskedOfTheApi(string kind)
    {
        var root = Directory.CreateTempSubdirectory("ship-compare-").FullName;
        try
        {
            await using var git = await GitHttpServer.StartAsync(root);
            var first = git.Create("/org/app.git", ("a", "1"));
            var head = Commit(git.Bare("/org/app.git"), first, "refs/heads/main", "c");
            await using var harness = await ApiHarness.StartAsync(kind, root);
            Assert.Equal(["c"], (await harness.Forge.ChangedFiles(harness.Target, first, head, default))!);
            Assert.Empty(harness.Server.Requests);

            harness.Repository.Comparisons[$"{Old}...{head}"] = ["x", "y"];
            var found = await harness.Forge.ChangedFiles(harness.Target, Old, head, default);
            // An older Gitea has no comparison.
            string[]? expected = kind == "gitea" ? null : ["x", "y"];
            Assert.Equal(expected, found);
            Assert.Single(harness.Server.Requests);

            harness.Server.Revoke(ApiHarness.Token);
            Assert.Null(await harness.Forge.ChangedFiles(harness.Target, Old, head, default));
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    [Theory]
    [InlineData(299, true)]
    [InlineData(300, false)]
    [InlineData(400, false)]
    public async Task GitHub_CompareAtTheLimit_IsUnknown(int count, bool isKnown)
    {
        var root = Directory.CreateTempSubdirectory("ship-compare-").FullName;
        try
        {
            await using var git = await GitHttpServer.StartAsync(root);
            git.Create("/org/app.git", ("a", "1"));
            await using var harness = await ApiHarness.StartAsync("github", root);
            harness.Repository.Comparisons[$"{Old}...{New}"] = [.. Enumerable.Range(0, count).Select(i => $"f{i}")];
            Assert.Equal(isKnown, await harness.Forge.ChangedFiles(harness.Target, Old, New, default) is not null);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    /// <summary>A commit that adds a file, made in a bare repository.</summary>
    private static string Commit(string bare, string parent, string fullRef, string file)
    {
        var work = Directory.CreateTempSubdirectory("ship-work-").FullName;
        try
        {
            GitHttpServer.Git(work, "clone", "-q", bare, "w");
            var folder = Path.Combine(work, "w");
            GitHttpServer.Git(folder, "checkout", "-q", "--detach", parent);
            File.WriteAllText(Path.Combine(folder, file), file);
            GitHttpServer.Git(folder, "add", "-A");
            GitHttpServer.Git(folder, "-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "-q", "-m", file);
            GitHttpServer.Git(folder, "push", "-q", "origin", $"HEAD:{fullRef}");
            return GitHttpServer.Git(folder, "rev-parse", "HEAD");
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }
}
