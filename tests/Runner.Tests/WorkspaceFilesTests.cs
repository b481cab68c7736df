using System.Diagnostics;
using Shipinator.Globbing;

namespace Shipinator.Runner.Tests;

/// <summary>Walks of real trees, of the kinds that repositories and builds leave.</summary>
public sealed class WorkspaceFilesTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("ship-walk-").FullName;
    private readonly string _workspace;

    public WorkspaceFilesTests()
    {
        _workspace = Path.Combine(_root, "workspace");
        Directory.CreateDirectory(_workspace);
    }

    public void Dispose() => Sh($"chmod -R u+rwx '{_root}'; rm -rf '{_root}'");

    [Theory]
    [InlineData("out/*.{zip,tar.gz}", "out/a.tar.gz out/b.zip")]
    [InlineData("out/?.txt", "out/a.txt")]
    [InlineData("out/[ab].txt", "out/a.txt")]
    [InlineData("package-lock.{json,yaml}", "package-lock.yaml")]
    [InlineData("out/", "out/.hidden out/a.tar.gz out/a.txt out/b.zip out/deep/x")]
    [InlineData("**/x", "out/deep/x")]
    [InlineData("out", "")]
    [InlineData("nothing*", "")]
    public void Find_Pattern_TakesItsMatches(string pattern, string expected)
    {
        foreach (
            var file in new[] { "out/a.tar.gz", "out/b.zip", "out/a.txt", "out/.hidden", "out/deep/x", "package-lock.yaml", "other/y" }
        )
        {
            Write(file);
        }

        Assert.Equal(expected, string.Join(' ', Find(pattern).Files.Select(f => f.Name)));
    }

    [Fact]
    public void Find_LinkedFolders_AreNotDescended()
    {
        Write("packages/a/index.js");
        Write("packages/b/index.js");
        // Links as of pnpm and yarn for two packages that depend on each other, of bazel, to / and to itself.
        Sh(
            "mkdir packages/a/node_modules packages/b/node_modules; ln -s ../../b packages/a/node_modules/b; "
                + "ln -s ../../a packages/b/node_modules/a; ln -s / root; ln -s . self; "
                + "ln -s \"$PWD/../outside\" bazel-out; mkdir ../outside; touch ../outside/index.js"
        );
        var found = Find("**/*.js");
        Assert.Equal(["packages/a/index.js", "packages/b/index.js"], found.Files.Select(f => f.Name));
        Assert.Empty(Find("bazel-out/*.js").Files);
        Assert.Contains(Find("bazel-out/*.js").Skipped, l => l is { Name: "bazel-out", Reason: SkipReason.LeadsOut });
        Assert.Contains(Find("*").Skipped, l => l is { Name: "root", Reason: SkipReason.LeadsOut });
        Assert.Contains("'root' is a link that points outside the workspace", Find("*").Summary, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_LinkToAFileInside_IsThatFile()
    {
        Write("lib/app-1.2.so");
        Sh(
            "ln -s app-1.2.so lib/app.so; ln -s \"$PWD/lib/app-1.2.so\" absolute.so; "
                + "ln -s /etc/passwd passwd.so; ln -s nowhere dangling.so; ln -s lib lib.so"
        );
        var found = Find("**/*.so");
        Assert.Equal(["absolute.so", "lib/app-1.2.so", "lib/app.so"], found.Files.Select(f => f.Name));
        Assert.Equal(
            [("dangling.so", SkipReason.Dangling), ("lib.so", SkipReason.LinkedFolder), ("passwd.so", SkipReason.LeadsOut)],
            found.Skipped.Select(l => (l.Name, l.Reason)).Order()
        );
    }

    [Fact]
    public void Find_LinkedFolderInALiteralPattern_IsFollowedInside()
    {
        Write("build/out/a.js");
        Sh("ln -s build/out dist");
        Assert.Equal(["dist/a.js"], Find("dist/*.js").Files.Select(f => f.Name));
        Assert.Empty(Find("d*/*.js").Files);
    }

    [Fact]
    public void Find_SpecialFiles_AreSkippedWithoutBeingOpened()
    {
        Sh("mkfifo pipe; ln -s pipe link; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"socket\")'; echo x > file");
        var found = Find("*");
        Assert.Equal(["file"], found.Files.Select(f => f.Name));
        Assert.Equal(
            ["link", "pipe", "socket"],
            found.Skipped.Where(l => l.Reason == SkipReason.Special).Select(l => l.Name).Order(StringComparer.Ordinal)
        );
    }

    /// <summary>A step may replace a file between the walk and the upload.</summary>
    [Fact]
    public async Task Open_Fifo_IsRefusedWithoutWaitingForAWriter()
    {
        Sh("mkfifo pipe");
        var path = Path.Combine(_workspace, "pipe");
        var opening = Task.Run(() => RegularFile.Open(_workspace, path, "pipe"), TestContext.Current.CancellationToken);
        var error = await Assert.ThrowsAsync<ArtifactInvalidException>(() =>
            opening.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken)
        );
        Assert.Contains("not a regular file", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_NamesThatAreNotUtf8_AreSkipped()
    {
        Write("good.txt");
        Sh(
            "touch \"$(printf 'bad-\\351.txt')\"; mkdir \"$(printf 'folder-\\377')\"; "
                + "touch \"$(printf 'folder-\\377/x.txt')\"; ln -s good.txt \"$(printf 'link-\\351.txt')\""
        );
        var found = Find("**/*.txt");
        Assert.Equal(["good.txt"], found.Files.Select(f => f.Name));
        Assert.Equal(
            ["bad-\uFFFD.txt", "folder-\uFFFD", "link-\uFFFD.txt"],
            found.Skipped.Where(l => l.Reason == SkipReason.NotUtf8).Select(l => l.Name).Order(StringComparer.Ordinal)
        );
    }

    [Fact]
    public void Find_VeryDeepTree_Ends()
    {
        Write("top.txt");
        // 6000 levels of 3 characters are far more than one path may have.
        Sh("python3 -c '\nimport os\nfor i in range(6000):\n    os.mkdir(\"dd\"); os.chdir(\"dd\")\nopen(\"deep.txt\", \"w\").close()'");
        var found = Find("**/*.txt");
        Assert.Equal(["top.txt"], found.Files.Select(f => f.Name));
        Assert.Contains(found.Skipped, l => l.Reason == SkipReason.TooDeep);
    }

    [Fact]
    public void Find_FoldersThatCannotMatch_AreNotOpened()
    {
        Write("src/a.cs");
        Write("obj/deep/b.cs");
        Directory.Move(Path.Combine(_workspace, "obj"), Path.Combine(_workspace, "locked"));
        // Root can open everything; a folder that was opened and could not be read would be in the summary.
        var found = new WorkspaceFiles(_workspace).Find(GlobList.Of(["**/*.cs", "!locked/**"], out _), default);
        Assert.Equal(["src/a.cs"], found.Files.Select(f => f.Name));
        Assert.Null(found.Summary);
    }

    [Fact]
    public void Find_Canceled_Ends() =>
        Assert.Throws<OperationCanceledException>(() => new WorkspaceFiles(_workspace).Find("**", new CancellationToken(canceled: true)));

    private WorkspaceFind Find(string pattern) => new WorkspaceFiles(_workspace).Find(pattern, default);

    private void Write(string name)
    {
        var path = Path.Combine(_workspace, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, name);
    }

    private void Sh(string script)
    {
        using var shell = Process.Start(
            new ProcessStartInfo("/bin/sh", ["-ec", script]) { WorkingDirectory = Directory.Exists(_workspace) ? _workspace : "/" }
        )!;
        shell.WaitForExit();
        Assert.Equal(0, shell.ExitCode);
    }
}
