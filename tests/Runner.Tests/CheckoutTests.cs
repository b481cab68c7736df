using System.Diagnostics;
using Shipinator.Client;
using Shipinator.Testing;

namespace Shipinator.Runner.Tests;

/// <summary>The checkout of <c>runner prepare</c> and <c>runner work</c>, from real Git hosts over HTTP.</summary>
public sealed class CheckoutTests : RunnerTest
{
    private GitHttpServer _own = null!;
    private GitHttpServer _other = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _own = await GitHttpServer.StartAsync(Path.Combine(Root, "own"));
        _other = await GitHttpServer.StartAsync(Path.Combine(Root, "other"));
    }

    public override async ValueTask DisposeAsync()
    {
        await _own.DisposeAsync();
        await _other.DisposeAsync();
        await base.DisposeAsync();
    }

    [Fact]
    public async Task Prepare_CredentialOfTheOrigin_FetchesAndIsNotWrittenToDisk()
    {
        var commit = _own.Create("/org/app.git", ("a", "one"));
        _own.RequireCredential("bot:top-secret");
        var (code, output) = await PrepareAsync(_own.Url("/org/app.git"), commit, scope: _own.Url("/org"));
        Assert.True(code == 0, output);
        Assert.True(File.Exists(Path.Combine(Workspace, "a")));
        Assert.DoesNotContain(
            Directory.EnumerateFiles(JobFolder, "*", SearchOption.AllDirectories).Where(f => new FileInfo(f).Length < 100_000),
            f => File.ReadAllText(f).Contains("top-secret", StringComparison.Ordinal)
        );
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Prepare_RedirectToAnotherOrigin_IsNotFollowed(bool afterSignIn)
    {
        var commit = _own.Create("/org/app.git", ("a", "one"));
        _other.Create("/org/app.git", ("a", "one"));
        _other.RequireCredential("bot:top-secret");
        _own.Before = async context =>
        {
            if (afterSignIn && await GitHttpServer.AskedFor(context, "bot:top-secret"))
            {
                return true;
            }

            context.Response.Redirect(_other.Url(context.Request.Path + context.Request.QueryString));
            return true;
        };
        var (code, output) = await PrepareAsync(_own.Url("/org/app.git"), commit, scope: _own.Url(""));
        Assert.Equal(1, code);
        Assert.Contains("redirect", output, StringComparison.Ordinal);
        Assert.Empty(_other.Requests);
    }

    [Fact]
    public async Task Prepare_CredentialOfAnotherPathPortOrScheme_IsNotSent()
    {
        var commit = _own.Create("/org/app.git", ("a", "one"));
        _own.RequireCredential("bot:top-secret");
        foreach (
            var scope in new[] { _own.Url("/or"), _own.Url("/org/app"), _other.Url(""), _own.Url("", scheme: "https"), "https://127.0.0.1" }
        )
        {
            var (code, _) = await PrepareAsync(_own.Url("/org/app.git"), commit, scope);
            Assert.Equal(1, code);
        }

        Assert.Empty(_own.Credentials);
    }

    [Fact]
    public async Task Prepare_SubmodulesOfTwoHosts_CredentialReachesItsOwnHostOnly()
    {
        _own.Create("/org/lib.git", ("l", "lib"));
        _other.Create("/org/lib.git", ("l", "lib"));
        var commit = CreateWithSubmodules("/org/app.git", ("here", "../lib.git"), ("there", _other.Url("/org/lib.git")));
        _own.RequireCredential("bot:top-secret");
        var (code, output) = await PrepareAsync(_own.Url("/org/app.git"), commit, _own.Url(""), """{"depth":1,"submodules":"true"}""");
        Assert.True(code == 0, output);
        Assert.Equal("lib", File.ReadAllText(Path.Combine(Workspace, "here", "l")));
        Assert.Equal("lib", File.ReadAllText(Path.Combine(Workspace, "there", "l")));
        Assert.NotEmpty(_own.Credentials);

        _other.RequireCredential("bot:top-secret");
        (code, output) = await PrepareAsync(_own.Url("/org/app.git"), commit, _own.Url(""), """{"depth":1,"submodules":"true"}""");
        Assert.Equal(1, code);
        Assert.Contains("submodules can't be fetched", output, StringComparison.Ordinal);
        Assert.Empty(_other.Credentials);
    }

    [Fact]
    public async Task Prepare_ByDefault_LogsWhatIsNotFetched()
    {
        _own.Create("/org/lib.git", ("l", "lib"));
        var commit = CreateWithSubmodules(
            "/org/app.git",
            [("here", "../lib.git")],
            (".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n"),
            ("big.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
        );
        var (code, output) = await PrepareAsync(_own.Url("/org/app.git"), commit, null);
        Assert.True(code == 0, output);
        Assert.Contains("Not fetched: the submodules", output, StringComparison.Ordinal);
        Assert.Contains("Not fetched: the content of 1 Git LFS file;", output, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(Workspace, "here")));
    }

    [Fact]
    public async Task Prepare_WholeHistoryAndTags_GitDescribeWorks()
    {
        _own.Create("/app.git", ("a", "one"));
        var bare = _own.Bare("/app.git");
        GitHttpServer.Git(bare, "tag", "v1.2", "main");
        var second = Commit(bare, "main^{tree}", "main");
        GitHttpServer.Git(bare, "update-ref", "refs/heads/main", second);
        var (code, output) = await PrepareAsync(_own.Url("/app.git"), second, null, """{"depth":0,"tags":true}""");
        Assert.True(code == 0, output);
        Assert.Equal($"v1.2-1-g{second[..7]}", GitHttpServer.Git(Workspace, "-c", "safe.directory=*", "describe", "--abbrev=7", "--tags"));

        (code, output) = await PrepareAsync(_own.Url("/app.git"), second, null);
        Assert.True(code == 0, output);
        Assert.Contains("(depth 1, no tags)", output, StringComparison.Ordinal);
        Assert.Equal("1", GitHttpServer.Git(Workspace, "-c", "safe.directory=*", "rev-list", "--count", "HEAD"));
    }

    [Fact]
    public async Task Prepare_PartialClone_OmitsOldContent()
    {
        var first = _own.Create("/app.git", ("a", "one"));
        var bare = _own.Bare("/app.git");
        var empty = GitHttpServer.Git(bare, "hash-object", "-t", "tree", "-w", "/dev/null");
        var second = Commit(bare, empty, first);
        GitHttpServer.Git(bare, "update-ref", "refs/heads/main", second);
        var (code, output) = await PrepareAsync(_own.Url("/app.git"), second, null, """{"depth":0,"filter":"blob:none"}""");
        Assert.True(code == 0, output);
        Assert.Contains(
            "?",
            GitHttpServer.Git(Workspace, "-c", "safe.directory=*", "rev-list", "--objects", "--all", "--missing=print"),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Prepare_LfsWithoutGitLfs_FailsBeforeFetchingAndNamesThePackage()
    {
        var commit = _own.Create("/app.git", ("a", "one"));
        var (code, output) = await PrepareAsync(
            _own.Url("/app.git"),
            commit,
            null,
            """{"depth":1,"lfs":true}""",
            ("PATH", PathWithoutLfs())
        );
        Assert.Equal(1, code);
        Assert.Contains("git-lfs is not installed", output, StringComparison.Ordinal);
        Assert.Empty(_own.Requests);
    }

    /// <summary>A machine whose settings require the filter of LFS, as Debian's package sets them, but without the program.</summary>
    [Fact]
    public async Task Prepare_LfsFilesWithoutGitLfs_HaveTheirPointers()
    {
        await File.WriteAllTextAsync(
            Path.Combine(Root, ".gitconfig"),
            "[filter \"lfs\"]\n\tsmudge = git-lfs smudge -- %f\n\tprocess = git-lfs filter-process\n\trequired = true\n",
            TestContext.Current.CancellationToken
        );
        var work = Path.Combine(Root, "lfs-work");
        LfsHost.Write(work, "big.bin", "content");
        var commit = LfsHost.Commit(work);
        var (code, output) = await PrepareAsync(work, commit, null, null, ("PATH", PathWithoutLfs()));
        Assert.True(code == 0, output);
        Assert.Equal(LfsHost.Pointer("content"), File.ReadAllText(Path.Combine(Workspace, "big.bin")));
        Assert.Contains("Not fetched: the content of 1 Git LFS file;", output, StringComparison.Ordinal);
    }

    /// <summary>The server may have fetched the repository itself; its folder is of no use to a reader of the log.</summary>
    [Fact]
    public async Task CheckOut_FromACopyOfTheServers_ShowsTheRepositorysAddressWithoutItsCredential()
    {
        var commit = _own.Create("/app.git", ("a", "one"));
        var settings = new RunnerSettings(Server.Url, ExecutionId, Token, JobFolder) { SourceFolder = _own.Bare("/app.git") };
        Directory.CreateDirectory(settings.Control);
        Directory.CreateDirectory(settings.Workspace);
        var source = new SourceResponse
        {
            CloneUrl = "https://bot:top-secret@git.example.org/org/app.git",
            Ref = "refs/heads/main",
            Commit = commit,
        };
        var log = new List<string>();
        await Checkout.RunAsync(settings, source, log.Add, TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.Equal("one", File.ReadAllText(Path.Combine(Workspace, "a")));
        Assert.Equal([$"Checking out {commit} of https://git.example.org/org/app.git (depth 1, no tags)"], log);

        FileTree.Remove(Workspace);
        Directory.CreateDirectory(Workspace);
        var missing = source with { Commit = new string('1', 40), Ref = "refs/heads/gone" };
        var e = await Assert.ThrowsAsync<PrepareException>(() =>
            Checkout.RunAsync(settings, missing, log.Add, TimeProvider.System, TestContext.Current.CancellationToken)
        );
        Assert.Contains("of https://git.example.org/org/app.git can't be fetched", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Root, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("top-secret", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Prepare_LfsOfAnotherHost_GetsNoCredential()
    {
        var commit = _own.Create("/app.git", ("a", "one"));
        _own.RequireCredential("bot:top-secret");
        // In place of git-lfs, its way to a credential: it asks Git for the address in .lfsconfig.
        var tools = Path.Combine(Root, "tools");
        Directory.CreateDirectory(tools);
        var script = Path.Combine(tools, "git-lfs");
        await File.WriteAllTextAsync(
            script,
            $"""
            #!/bin/sh
            [ "$1" = version ] && exit 0
            for url in '{_own.Url("/app.git/info/lfs")}' '{_other.Url("/app.git/info/lfs")}' 'https://127.0.0.1/x'; do
              echo "for $url:" >>{Root}/asked
              printf 'url=%s\n\n' "$url" | git credential fill >>{Root}/asked 2>/dev/null || true
            done
            """,
            TestContext.Current.CancellationToken
        );
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var (code, output) = await PrepareAsync(
            _own.Url("/app.git"),
            commit,
            _own.Url(""),
            """{"depth":1,"lfs":true}""",
            ("PATH", tools + ":" + Environment.GetEnvironmentVariable("PATH"))
        );
        Assert.True(code == 0, output);
        var asked = (await File.ReadAllTextAsync(Path.Combine(Root, "asked"), TestContext.Current.CancellationToken)).Split(
            "for ",
            StringSplitOptions.RemoveEmptyEntries
        );
        Assert.Equal(3, asked.Length);
        Assert.Contains("password=top-secret", asked[0], StringComparison.Ordinal);
        Assert.All(asked[1..], a => Assert.DoesNotContain("top-secret", a, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Prepare_TagAndBranchOfOneName_TakesTheCommitAndTheBranch()
    {
        _own.Create("/app.git", ("a", "one"));
        var bare = _own.Bare("/app.git");
        GitHttpServer.Git(bare, "tag", "release", "main");
        var second = Commit(bare, "main^{tree}", "main");
        GitHttpServer.Git(bare, "update-ref", "refs/heads/release", second);
        // A host that serves only what refs name.
        GitHttpServer.Git(bare, "config", "uploadpack.allowAnySHA1InWant", "false");
        var (code, output) = await PrepareAsync(
            _own.Url("/app.git"),
            second,
            null,
            null,
            ("SHIPINATOR_CLONE_REF", "refs/heads/release"),
            ("GIT_PROTOCOL", "version=0")
        );
        Assert.True(code == 0, output);
        Assert.Equal(second, GitHttpServer.Git(Workspace, "-c", "safe.directory=*", "rev-parse", "HEAD"));
    }

    [Fact]
    public async Task Prepare_FileNamesThatAreNotUtf8_AreAccessibleToAllAndRemovable()
    {
        var work = Path.Combine(Root, "work");
        Directory.CreateDirectory(work);
        GitHttpServer.Git(work, "init", "-q", "-b", "main");
        using (
            var make = Process.Start(
                new ProcessStartInfo(
                    "sh",
                    [
                        "-ec",
                        "mkdir \"$(printf 'd\\351')\"; echo one >\"$(printf 'd\\351/f\\377')\"; "
                            + "echo two >\"$(printf 'x\\200')\"; chmod 755 \"$(printf 'x\\200')\"; "
                            + "ln -s nowhere \"$(printf 'l\\376')\"",
                    ]
                )
                {
                    WorkingDirectory = work,
                }
            )!
        )
        {
            await make.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, make.ExitCode);
        }

        GitHttpServer.Git(work, "add", "-A");
        GitHttpServer.Git(work, "-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "-q", "-m", "one");
        var (code, output) = await PrepareAsync(work, GitHttpServer.Git(work, "rev-parse", "HEAD"), null);
        Assert.True(code == 0, output);
        using var look = Process.Start(
            new ProcessStartInfo("sh", ["-ec", "stat -c %a \"$(printf 'd\\351')\" \"$(printf 'd\\351/f\\377')\" \"$(printf 'x\\200')\""])
            {
                WorkingDirectory = Workspace,
                RedirectStandardOutput = true,
            }
        )!;
        Assert.Equal("777\n666\n777\n", await look.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken));
        FileTree.Remove(JobFolder);
        Assert.False(Directory.Exists(JobFolder));
    }

    [Fact]
    public void Remove_LinksOutFoldersWithoutPermissionsAndDepth_RemovesThatTreeOnly()
    {
        var outside = Path.Combine(Root, "outside");
        Directory.CreateDirectory(outside);
        File.WriteAllText(Path.Combine(outside, "kept"), "");
        var tree = Path.Combine(Root, "tree");
        var deep = Path.Combine([tree, .. Enumerable.Repeat("d", 200)]);
        Directory.CreateDirectory(deep);
        File.CreateSymbolicLink(Path.Combine(tree, "link"), outside);
        Directory.CreateDirectory(Path.Combine(tree, "closed", "inner"));
        File.SetUnixFileMode(Path.Combine(tree, "closed"), UnixFileMode.None);
        FileTree.Remove(tree);
        Assert.False(Directory.Exists(tree));
        Assert.True(File.Exists(Path.Combine(outside, "kept")));
    }

    [Theory]
    [InlineData("https://git.example.org/a.git", null, "https://git.example.org")]
    [InlineData("https://git.example.org:8443/a.git", null, "https://git.example.org:8443")]
    [InlineData("https://git.example.org/a.git", "https://git.example.org/org", "https://git.example.org/org")]
    [InlineData("https://bot@git.example.org/a.git", null, null)]
    [InlineData("/srv/a.git", null, null)]
    [InlineData("https://git.example.org/a.git", "https://x\"]\n[core]", null)]
    public void Scope_IsTheServersOrTheOrigin(string url, string? given, string? expected) =>
        Assert.Equal(
            expected,
            GitSettings.Scope(
                new()
                {
                    CloneUrl = url,
                    Ref = "refs/heads/main",
                    Commit = "c",
                    Password = "p",
                    CredentialScope = given,
                }
            )
        );

    private string CreateWithSubmodules(string path, params (string Name, string Url)[] modules) => CreateWithSubmodules(path, modules, []);

    private string CreateWithSubmodules(string path, (string Name, string Url)[] modules, params (string Name, string Text)[] files)
    {
        var lib = GitHttpServer.Git(_own.Bare("/org/lib.git"), "rev-parse", "main");
        var bare = _own.Bare(path);
        Directory.CreateDirectory(Path.GetDirectoryName(bare)!);
        var work = Directory.CreateTempSubdirectory("ship-sub-").FullName;
        try
        {
            GitHttpServer.Git(work, "init", "-q", "-b", "main");
            File.WriteAllText(
                Path.Combine(work, ".gitmodules"),
                string.Concat(modules.Select(m => $"[submodule \"{m.Name}\"]\n\tpath = {m.Name}\n\turl = {m.Url}\n"))
            );
            foreach (var (name, text) in files)
            {
                File.WriteAllText(Path.Combine(work, name), text);
            }

            GitHttpServer.Git(work, "-c", "filter.lfs.clean=cat", "-c", "filter.lfs.required=false", "add", "-A");
            foreach (var (name, url) in modules)
            {
                var at = url.StartsWith("http", StringComparison.Ordinal)
                    ? GitHttpServer.Git(_other.Bare("/org/lib.git"), "rev-parse", "main")
                    : lib;
                GitHttpServer.Git(work, "update-index", "--add", "--cacheinfo", $"160000,{at},{name}");
            }

            GitHttpServer.Git(work, "-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "-q", "-m", "one");
            GitHttpServer.Git(work, "clone", "-q", "--bare", work, bare);
            GitHttpServer.Git(bare, "config", "uploadpack.allowAnySHA1InWant", "true");
            return GitHttpServer.Git(work, "rev-parse", "HEAD");
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    private string PathWithoutLfs()
    {
        var tools = Path.Combine(Root, "plain");
        Directory.CreateDirectory(tools);
        foreach (var name in new[] { "git", "sh" })
        {
            var file = Environment.GetEnvironmentVariable("PATH")!.Split(':').Select(p => Path.Combine(p, name)).First(File.Exists);
            File.CreateSymbolicLink(Path.Combine(tools, name), file);
        }

        return tools;
    }

    /// <summary>In a fresh job folder each time.</summary>
    private async Task<(int Code, string Output)> PrepareAsync(
        string url,
        string commit,
        string? scope,
        string? options = null,
        params (string Name, string Value)[] environment
    )
    {
        if (Directory.Exists(JobFolder))
        {
            FileTree.Remove(JobFolder);
        }

        var secret = Path.Combine(Root, "secret");
        Directory.CreateDirectory(secret);
        if (scope is not null)
        {
            await File.WriteAllTextAsync(Path.Combine(secret, "username"), "bot");
            await File.WriteAllTextAsync(Path.Combine(secret, "password"), "top-secret");
        }

        var start = new ProcessStartInfo(
            Environment.ProcessPath is { } self && Path.GetFileName(self) == "dotnet" ? self : "dotnet",
            [FakeServer.Program, "prepare"]
        )
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment["SHIPINATOR_JOB_DIR"] = JobFolder;
        start.Environment["HOME"] = Root;
        start.Environment["SHIPINATOR_CLONE_URL"] = url;
        start.Environment["SHIPINATOR_CLONE_REF"] = "refs/heads/main";
        start.Environment["SHIPINATOR_CLONE_COMMIT"] = commit;
        start.Environment["SHIPINATOR_CLONE_SECRET_DIR"] = secret;
        foreach (
            var (name, value) in environment
                .Append(("SHIPINATOR_CLONE_SCOPE", scope ?? ""))
                .Append(("SHIPINATOR_CLONE_OPTIONS", options ?? ""))
        )
        {
            start.Environment[name] = value;
        }

        using var runner = Process.Start(start)!;
        var error = runner.StandardError.ReadToEndAsync();
        var standard = runner.StandardOutput.ReadToEndAsync();
        await WaitForExitAsync(runner);
        return (runner.ExitCode, await standard + await error);
    }

    /// <summary>Creates a commit that no ref names yet; returns its id.</summary>
    private static string Commit(string bare, string tree, string parent) =>
        GitHttpServer.Git(bare, "-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit-tree", tree, "-p", parent, "-m", "two");
}
