using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Shipinator.Forges;
using Shipinator.WebFrontend.Triggers;

namespace Shipinator.WebFrontend.Tests;

/// <summary>A run is planned from its own commit; what the default branch holds, or whether it is there, is nothing to it.</summary>
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
        var adding = api.Services.GetRequiredService<RepositoryAdding>();
        var before = api.Services.GetRequiredService<IRepositoryMirrors>().Unused(TimeSpan.FromHours(-1));
        // Nobody listens there: the check fails, and still nothing is left.
        await Assert.ThrowsAsync<ForgeException>(() => adding.CheckAsync("git", "http://127.0.0.1:9/x.git", "main", null, default));
        Assert.Empty(api.Services.GetRequiredService<IRepositoryMirrors>().Unused(TimeSpan.FromHours(-1)).Except(before));
    }

    [Fact]
    public async Task Sweep_MirrorsOfNobody_GoAndThoseOfRepositoriesStay()
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
