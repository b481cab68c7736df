using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Shipinator.Forges;
using Shipinator.Triggers;
using Shipinator.Triggers.Repositories;
using Shipinator.Triggers.Runs;

namespace Shipinator.WebFrontend.Tests;

/// <summary>A run is planned from its own commit, whatever the default branch contains and whether or not it exists.</summary>
public sealed class CommitRunTests(ApiFixture api) : IDisposable
{
    private const string Good = "image: none\nbuild: { steps: [ { name: one, run: \"true\" } ] }\n";
    private readonly string _folder = Directory.CreateTempSubdirectory("ship-commit-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("no: [valid file")]
    [InlineData(null)]
    public async Task Run_DefaultBranchIsBroken_RunsTheGoodCommit(string? broken)
    {
        var repository = await RegisterAsync(broken);
        var good = Commit("feature", Good);
        var run = await api.PostAsync($"/v1/repositories/{repository}/runs", new { git_ref = "refs/heads/feature", git_sha = good });
        Assert.Equal((good, "feature"), (run.GetProperty("git_sha").GetString(), run.GetProperty("branch").GetString()));
        Assert.Equal("success", (await api.EndAsync(ApiFixture.Id(run))).GetProperty("status").GetString());
    }

    [Fact]
    public async Task Run_DefaultBranchIsDeleted_RunsAndTheBranchCanBeChanged()
    {
        var repository = await RegisterAsync(Good);
        Commit("feature", Good);
        Git("checkout", "-q", "feature");
        Git("branch", "-q", "-D", "main");
        var run = await api.PostAsync($"/v1/repositories/{repository}/runs", new { git_ref = "feature" });
        Assert.Equal("refs/heads/feature", run.GetProperty("git_ref").GetString());
        using (var refused = await api.Admin.PostAsync($"/v1/repositories/{repository}/sync", null, TestContext.Current.CancellationToken))
        {
            Assert.Equal(HttpStatusCode.UnprocessableEntity, refused.StatusCode);
        }

        using var changed = await api.Admin.PatchAsJsonAsync(
            $"/v1/repositories/{repository}",
            new { default_branch = "feature" },
            TestContext.Current.CancellationToken
        );
        Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
        await api.PostAsync($"/v1/repositories/{repository}/sync", new { });
    }

    [Fact]
    public async Task Run_TagAndBranchOfOneName_IsRefusedButForTheDefaultBranch()
    {
        var repository = await RegisterAsync(Good);
        var other = Commit("feature", Good);
        Git("tag", "feature", "main");
        Git("tag", "main", other);
        var (status, problem) = await TryAsync($"/v1/repositories/{repository}/runs", new { git_ref = "feature" });
        Assert.Equal((HttpStatusCode.UnprocessableEntity, "ref_ambiguous"), (status, problem.GetProperty("code").GetString()));
        var run = await api.PostAsync($"/v1/repositories/{repository}/runs", new { git_ref = "main" });
        Assert.Equal(
            ("refs/heads/main", Git("rev-parse", "refs/heads/main")),
            (run.GetProperty("git_ref").GetString(), run.GetProperty("git_sha").GetString())
        );
        await api.PostAsync($"/v1/repositories/{repository}/sync", new { });
    }

    [Fact]
    public async Task Preview_TagAndDefaultBranchOfOneName_ShowsTheCommitThatARunUses()
    {
        var repository = await RegisterAsync(Good);
        var pipelines = await api.PostAsync($"/v1/repositories/{repository}/sync", new { });
        Git("tag", "main", Commit("feature", Good));
        var pipeline = PipelineId.Parse(
            ApiFixture.Id(
                pipelines.GetProperty("items").EnumerateArray().Single(p => p.GetProperty("trigger_type").GetString() == "manual")
            )
        );
        var shown = await api
            .Services.GetRequiredService<RunPreview>()
            .ShowAsync(pipeline, new() { GitRef = "main", Actor = new(ActorKind.Token, "tests") }, TestContext.Current.CancellationToken);
        Assert.Equal(("refs/heads/main", Git("rev-parse", "refs/heads/main")), (shown.Head.FullRef, shown.Head.Commit));
        Assert.NotNull(shown.Plan);
    }

    [Fact]
    public async Task Run_CommitThatTheRefDoesNotContain_IsRefused()
    {
        var repository = await RegisterAsync(Good);
        var old = Git("rev-parse", "HEAD");
        var newer = Commit("main", Good + "# newer\n");
        var other = Commit("feature", Good + "# other\n");
        var path = $"/v1/repositories/{repository}/runs";
        var (status, problem) = await TryAsync(path, new { git_ref = "main", git_sha = other });
        Assert.Equal((HttpStatusCode.UnprocessableEntity, "commit_not_in_ref"), (status, problem.GetProperty("code").GetString()));
        Assert.Contains($"Commit {other} is not reachable from", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);

        // An older commit of the branch, one of an ancestor branch, an abbreviated one, and one that is its own ref.
        foreach (
            var (gitRef, sha, commit) in new[]
            {
                ("main", old, old),
                ("feature", newer, newer),
                ("main", old[..10], old),
                (other, other, other),
            }
        )
        {
            var run = await api.PostAsync(path, new { git_ref = gitRef, git_sha = sha });
            Assert.Equal(commit, run.GetProperty("git_sha").GetString());
        }
    }

    [Fact]
    public async Task Register_AndUpdate_RefuseADefaultBranchThatDoesNotExist()
    {
        var repository = await RegisterAsync(Good);
        var project = (await api.GetAsync($"/v1/repositories/{repository}")).GetProperty("project_id").GetString();
        var (status, problem) = await TryAsync(
            $"/v1/projects/{project}/repositories",
            new
            {
                vcs_provider = "git",
                clone_url = _folder,
                name = "other",
                default_branch = "nowhere",
            }
        );
        Assert.Equal((HttpStatusCode.UnprocessableEntity, "ref_not_found"), (status, problem.GetProperty("code").GetString()));

        using (var refused = await PatchAsync(repository, new { default_branch = "nowhere" }))
        {
            Assert.Equal(HttpStatusCode.UnprocessableEntity, refused.StatusCode);
        }

        var empty = Directory.CreateDirectory(Path.Combine(_folder, "not-a-repository")).FullName;
        using (var refused = await PatchAsync(repository, new { clone_url = empty }))
        {
            Assert.Equal(HttpStatusCode.UnprocessableEntity, refused.StatusCode);
            Assert.Contains("repository_not_found", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        var same = await api.GetAsync($"/v1/repositories/{repository}");
        Assert.Equal(("main", _folder), (same.GetProperty("default_branch").GetString(), same.GetProperty("clone_url").GetString()));
        // An unchanged branch is not checked: the name can be changed although the branch no longer exists.
        Git("branch", "-q", "-m", "main", "trunk");
        using var renamed = await PatchAsync(repository, new { name = "renamed", default_branch = "main" });
        Assert.Equal(HttpStatusCode.OK, renamed.StatusCode);
    }

    [Theory]
    [InlineData("file://")]
    [InlineData("file://localhost")]
    [InlineData("FILE://LocalHost")]
    public async Task Register_FileUrl_BecomesThePathThatItNames(string prefix)
    {
        Git("init", "-q", "-b", "main");
        Commit("main", Good);
        var project = ApiFixture.Id(await api.PostAsync("/v1/projects", new { name = Path.GetFileName(_folder) }));
        var path = $"/v1/projects/{project}/repositories";
        var repository = await api.PostAsync(path, new { vcs_provider = "git", clone_url = prefix + _folder });
        Assert.Equal(_folder, repository.GetProperty("clone_url").GetString());
        await api.PostAsync($"/v1/repositories/{ApiFixture.Id(repository)}/sync", new { });
    }

    [Theory]
    [InlineData("file:///tmp/x?y")]
    [InlineData("file:///tmp/x#y")]
    [InlineData("file://elsewhere/tmp/x")]
    [InlineData("file://localhost")]
    [InlineData("https://git.example.org/a\u202Eb")]
    [InlineData("https://git.example.org/a\u200Bb")]
    [InlineData("/srv/a\u2066b")]
    [InlineData("/srv/a\u00A0b")]
    public async Task Register_UrlWithAQueryAnotherHostOrInvisibleCharacters_IsMalformed(string url)
    {
        var project = ApiFixture.Id(await api.PostAsync("/v1/projects", new { name = Path.GetFileName(_folder) }));
        var (status, problem) = await TryAsync($"/v1/projects/{project}/repositories", new { vcs_provider = "git", clone_url = url });
        Assert.Equal((HttpStatusCode.BadRequest, "clone_url_malformed"), (status, problem.GetProperty("code").GetString()));
        Assert.True(problem.GetProperty("errors").TryGetProperty("clone_url", out _));
    }

    [Fact]
    public async Task Register_PathWithoutARepository_IsTheCallersError()
    {
        var project = ApiFixture.Id(await api.PostAsync("/v1/projects", new { name = Path.GetFileName(_folder) }));
        foreach (var branch in new[] { null, "main" })
        {
            var (status, problem) = await TryAsync(
                $"/v1/projects/{project}/repositories",
                new
                {
                    vcs_provider = "git",
                    clone_url = _folder,
                    default_branch = branch,
                }
            );
            Assert.Equal((HttpStatusCode.UnprocessableEntity, "repository_not_found"), (status, problem.GetProperty("code").GetString()));
        }
    }

    [Fact]
    public async Task Register_WithoutADefaultBranch_TakesTheOneThatHeadNames()
    {
        Git("init", "-q", "-b", "trunk");
        Commit("trunk", Good);
        var project = await api.PostAsync("/v1/projects", new { name = Path.GetFileName(_folder) });
        var repository = await api.PostAsync(
            $"/v1/projects/{ApiFixture.Id(project)}/repositories",
            new { vcs_provider = "git", clone_url = _folder }
        );
        Assert.Equal("trunk", repository.GetProperty("default_branch").GetString());
    }

    [Theory]
    [InlineData("http://169.254.169.254/latest/meta-data")]
    [InlineData("https://a@github.com/a/b")]
    [InlineData("https://github.com/a/../b")]
    [InlineData("ext::sh -c id")]
    public async Task Register_UrlThatIsNotAllowed_IsRefused(string url)
    {
        var project = await api.PostAsync("/v1/projects", new { name = Path.GetFileName(_folder) });
        var (status, _) = await TryAsync(
            $"/v1/projects/{ApiFixture.Id(project)}/repositories",
            new
            {
                vcs_provider = "git",
                clone_url = url,
                default_branch = "main",
            }
        );
        Assert.Equal(HttpStatusCode.BadRequest, status);
    }

    [Fact]
    public async Task Check_OfARemoteRepository_LeavesNoMirror()
    {
        var probe = api.Services.GetRequiredService<RepositoryProbe>();
        var before = api.Services.GetRequiredService<IRepositoryMirrors>().Unused(TimeSpan.FromHours(-1));
        // Nothing listens on this port: the check fails, and leaves no mirror either.
        await Assert.ThrowsAsync<ForgeException>(() => probe.CheckAsync("git", "http://127.0.0.1:9/x.git", "main", null, default));
        Assert.Empty(api.Services.GetRequiredService<IRepositoryMirrors>().Unused(TimeSpan.FromHours(-1)).Except(before));
    }

    [Fact]
    public async Task Sweep_RemovesOnlyMirrorsWithoutARepository()
    {
        var kept = await RegisterAsync(Good);
        var root = api.Services.GetRequiredService<IOptions<ForgeOptions>>().Value.CacheRoot;
        var (ours, nobodys, young) = (
            Mirror(kept),
            Mirror(RepositoryId.New(TimeProvider.System).ToString()),
            Mirror(RepositoryId.New(TimeProvider.System).ToString())
        );
        Directory.SetLastWriteTimeUtc(young, TimeProvider.System.GetUtcNow().UtcDateTime);
        await api.Services.GetServices<IHostedService>().OfType<MirrorSweep>().Single().SweepAsync(TestContext.Current.CancellationToken);
        Assert.Equal((true, false, true), (Directory.Exists(ours), Directory.Exists(nobodys), Directory.Exists(young)));
        Directory.Delete(ours);
        Directory.Delete(young);

        string Mirror(string id)
        {
            var folder = Path.Combine(root, id + ".git");
            Directory.CreateDirectory(folder);
            Directory.SetLastWriteTimeUtc(folder, TimeProvider.System.GetUtcNow().UtcDateTime.AddHours(-2));
            return folder;
        }
    }

    private async Task<string> RegisterAsync(string? file)
    {
        Git("init", "-q", "-b", "main");
        Commit("main", file);
        var project = await api.PostAsync("/v1/projects", new { name = Path.GetFileName(_folder) });
        return ApiFixture.Id(
            await api.PostAsync(
                $"/v1/projects/{ApiFixture.Id(project)}/repositories",
                new
                {
                    vcs_provider = "git",
                    clone_url = _folder,
                    default_branch = "main",
                }
            )
        );
    }

    private async Task<(HttpStatusCode Status, JsonElement Body)> TryAsync(string path, object body)
    {
        using var response = await api.Admin.PostAsJsonAsync(path, body, TestContext.Current.CancellationToken);
        return (response.StatusCode, await response.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken));
    }

    private Task<HttpResponseMessage> PatchAsync(string repository, object body) =>
        api.Admin.PatchAsJsonAsync($"/v1/repositories/{repository}", body, TestContext.Current.CancellationToken);

    private string Commit(string branch, string? file)
    {
        if (branch is not ("main" or "trunk"))
        {
            Git("checkout", "-q", "-b", branch);
        }

        if (file is not null)
        {
            File.WriteAllText(Path.Combine(_folder, ".shipinator.yaml"), file);
        }

        Git("add", "-A");
        Git("commit", "-q", "--allow-empty", "-m", branch);
        return Git("rev-parse", "HEAD");
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
