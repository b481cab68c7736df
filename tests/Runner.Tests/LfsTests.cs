using System.Diagnostics;
using Shipinator.Client;
using Shipinator.Testing;

namespace Shipinator.Runner.Tests;

/// <summary>Checkouts of repositories with Git LFS, by the real git-lfs.</summary>
public sealed class LfsTests : RunnerTest
{
    private const string Content = "the content of a large file\n";
    private readonly List<string> _log = [];
    private GitHttpServer _host = null!;
    private LfsHost _lfs = null!;

    public override async ValueTask InitializeAsync()
    {
        Require("git-lfs");
        await base.InitializeAsync();
        _host = await GitHttpServer.StartAsync(Path.Combine(Root, "host"));
        _lfs = new(_host);
        _host.Before = _lfs.ServeAsync;
    }

    public override async ValueTask DisposeAsync()
    {
        if (_host is not null)
        {
            await _host.DisposeAsync();
            await base.DisposeAsync();
        }
    }

    [Fact]
    public async Task Checkout_WithLfs_HasTheContent()
    {
        _lfs.Add(Content);
        _host.Before = async context => await GitHttpServer.AskedFor(context, "bot:top-secret") || await _lfs.ServeAsync(context);
        await CheckOutAsync(_host.Url("/app.git"), Create("/app.git"), new() { Depth = 1, Lfs = true }, "top-secret");
        Assert.Equal(Content, ReadWorkspace());
        Assert.Equal(1, _lfs.Downloads);
        Assert.DoesNotContain(_log, l => l.Contains("LFS", StringComparison.Ordinal));
        // Neither filters nor hooks that need git-lfs in the images of steps.
        var config = await File.ReadAllTextAsync(Path.Combine(Workspace, ".git", "config"), TestContext.Current.CancellationToken);
        Assert.DoesNotContain("filter", config, StringComparison.Ordinal);
        Assert.DoesNotContain("top-secret", config, StringComparison.Ordinal);
        Assert.Equal("", Git(Workspace, "-c", "safe.directory=*", "status", "--short"));
    }

    /// <summary>Where 'git lfs install' was not run, 'git lfs pull' says so, leaves the pointers, and succeeds.</summary>
    [Fact]
    public async Task Prepare_LfsThatIsNotSetUpForTheUser_HasTheContent()
    {
        _lfs.Add(Content);
        await File.WriteAllTextAsync(
            Path.Combine(Root, ".gitconfig"),
            "[filter \"lfs\"]\n\tclean =\n\tsmudge =\n\tprocess =\n\trequired = false\n",
            TestContext.Current.CancellationToken
        );
        var start = Command("prepare", ExecutionId);
        start.Environment["HOME"] = Root;
        start.Environment["SHIPINATOR_CLONE_URL"] = _host.Url("/app.git");
        start.Environment["SHIPINATOR_CLONE_REF"] = "refs/heads/main";
        start.Environment["SHIPINATOR_CLONE_COMMIT"] = Create("/app.git");
        start.Environment["SHIPINATOR_CLONE_OPTIONS"] = """{"depth":1,"lfs":true}""";
        using var runner = Process.Start(start)!;
        await WaitForExitAsync(runner);
        Assert.Equal(0, runner.ExitCode);
        Assert.Equal(Content, ReadWorkspace());
    }

    [Fact]
    public async Task Checkout_WithLfsAndSubmodules_HasTheContentOfBoth()
    {
        _lfs.Add(Content);
        var library = Create("/lib.git");
        var commit = CreateWithSubmodule("/app.git", "lib", library);
        await CheckOutAsync(_host.Url("/app.git"), commit, new() { Lfs = true, Submodules = "true" });
        Assert.Equal(Content, ReadWorkspace());
        Assert.Equal(Content, ReadWorkspace("lib"));
    }

    [Theory]
    [InlineData("true", false)]
    [InlineData("recursive", true)]
    public async Task Checkout_SubmodulesOfSubmodules_AreThereWhenAskedFor(string submodules, bool isThere)
    {
        _lfs.Add(Content);
        var middle = CreateWithSubmodule("/middle.git", "lib", Create("/lib.git"));
        var commit = CreateWithSubmodule("/app.git", "middle", middle);
        await CheckOutAsync(_host.Url("/app.git"), commit, new() { Lfs = true, Submodules = submodules });
        Assert.Equal(Content, ReadWorkspace("middle"));
        Assert.Equal(isThere, File.Exists(Path.Combine(Workspace, "middle", "lib", "big.bin")));
        if (isThere)
        {
            Assert.Equal(Content, ReadWorkspace("middle/lib"));
        }
    }

    [Fact]
    public async Task Checkout_WithoutLfs_HasThePointersAndLogsIt()
    {
        await CheckOutAsync(_host.Url("/app.git"), Create("/app.git"), new() { Depth = 1 });
        Assert.Equal(LfsHost.Pointer(Content), ReadWorkspace());
        Assert.Contains(_log, l => l.StartsWith("Not fetched: the content of 1 Git LFS file;", StringComparison.Ordinal));
        Assert.Equal(0, _lfs.Downloads);
    }

    [Fact]
    public async Task Checkout_ObjectIsMissing_FailsAndNamesIt()
    {
        var commit = Create("/app.git");
        var e = await Assert.ThrowsAsync<PrepareException>(() =>
            CheckOutAsync(_host.Url("/app.git"), commit, new() { Depth = 1, Lfs = true })
        );
        Assert.Contains(LfsHost.Oid(Content), e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Checkout_LocalRepository_TakesTheContentFromIt()
    {
        var commit = Create("/app.git");
        var oid = LfsHost.Oid(Content);
        var folder = Path.Combine(_host.Bare("/app.git"), "lfs", "objects", oid[..2], oid[2..4]);
        Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(Path.Combine(folder, oid), Content, TestContext.Current.CancellationToken);
        await CheckOutAsync("file://" + _host.Bare("/app.git"), commit, new() { Depth = 1, Lfs = true });
        Assert.Equal(Content, ReadWorkspace());
    }

    /// <summary>The server copies local repositories for jobs whose user can't read them, but not their LFS objects.</summary>
    [Fact]
    public async Task Checkout_FromTheServersCopy_ReportsMissingLfsObjects()
    {
        var commit = Create("/app.git");
        var e = await Assert.ThrowsAsync<PrepareException>(() =>
            CheckOutAsync("/srv/app.git", commit, new() { Lfs = true }, copy: _host.Bare("/app.git"))
        );
        Assert.Contains("register the repository by an http or https URL", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Root, e.Message, StringComparison.Ordinal);
    }

    /// <summary>Creates a repository with one LFS file; returns its commit.</summary>
    private string Create(string path)
    {
        var work = Path.Combine(Root, "work" + path.Replace('/', '-'));
        LfsHost.Write(work, "big.bin", Content);
        return Publish(work, path);
    }

    /// <summary>A repository with the LFS file and a submodule, which is beside it on the host.</summary>
    private string CreateWithSubmodule(string path, string module, string moduleCommit)
    {
        var work = Path.Combine(Root, "with-" + module);
        LfsHost.Write(work, "big.bin", Content);
        Git(work, "init", "-q", "-b", "main");
        File.WriteAllText(Path.Combine(work, ".gitmodules"), $"[submodule \"{module}\"]\n\tpath = {module}\n\turl = ../{module}.git\n");
        Directory.CreateDirectory(Path.Combine(work, module));
        Git(work, "update-index", "--add", "--cacheinfo", $"160000,{moduleCommit},{module}");
        return Publish(work, path);
    }

    private string Publish(string work, string path)
    {
        var commit = LfsHost.Commit(work);
        Git(Root, "clone", "-q", "--bare", work, _host.Bare(path));
        Git(_host.Bare(path), "config", "uploadpack.allowAnySHA1InWant", "true");
        return commit;
    }

    private string ReadWorkspace(string folder = "") => File.ReadAllText(Path.Combine(Workspace, folder, "big.bin"));

    private async Task CheckOutAsync(string url, string commit, CloneResponse clone, string? password = null, string? copy = null)
    {
        var settings = new RunnerSettings(Server.Url, ExecutionId, Token, JobFolder) { SourceFolder = copy };
        Directory.CreateDirectory(settings.Control);
        Directory.CreateDirectory(settings.Workspace);
        var source = new SourceResponse
        {
            CloneUrl = url,
            Ref = "refs/heads/main",
            Commit = commit,
            Username = "bot",
            Password = password,
            CloneOptions = clone,
        };
        await Checkout.RunAsync(settings, source, _log.Add, TimeProvider.System, default).WaitAsync(WaitLimit);
    }
}
