using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Text.RegularExpressions;
using Shipinator.Client;

namespace Shipinator.Runner.Tests;

/// <summary>Declared outputs of steps, valid and invalid.</summary>
public sealed class OutputTests : RunnerTest
{
    [Fact]
    public async Task FailedStep_WithReportsForAnyResult_UploadsThemAndKeepsItsOwnReason()
    {
        var report = await RunAsync(
            "mkdir out; echo '<t/>' > out/t.xml; echo x > app; exit 3",
            [
                new()
                {
                    Type = "test-report",
                    Path = "out/*.xml",
                    When = "always",
                },
                new()
                {
                    Type = "coverage",
                    Path = "cover.out",
                    When = "always",
                },
                new() { Type = "binary", Path = "app" },
                new()
                {
                    Type = "file",
                    Path = "app",
                    When = "failure",
                },
            ]
        );
        Assert.Equal(("failed", (int?)3, "exit_code"), (report.Status, report.ExitCode, report.Reason));
        Assert.Equal(["app", "out/t.xml"], Server.Uploads.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(2, report.Artifacts.Count);
        Assert.Contains("cover.out", Server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Success_WithoutOptionalOutputsAndThoseForFailures_StaysASuccess()
    {
        var report = await RunAsync(
            "echo > there",
            [
                new()
                {
                    Type = "file",
                    Path = "absent",
                    Optional = true,
                },
                new()
                {
                    Type = "file",
                    Path = "there",
                    When = "failure",
                },
                new()
                {
                    Type = "file",
                    Path = "absent",
                    When = "failure",
                },
            ]
        );
        Assert.Equal("success", report.Status);
        Assert.Empty(Server.Uploads);
    }

    [Fact]
    public async Task Success_ThatFailsByAMissingOutput_StillUploadsItsReports()
    {
        var report = await RunAsync(
            "echo > t.xml; echo > notes",
            [
                new() { Type = "file", Path = "notes" },
                new() { Type = "binary", Path = "app" },
                new()
                {
                    Type = "test-report",
                    Path = "t.xml",
                    When = "always",
                },
            ]
        );
        Assert.Equal(("failed", "artifact_missing"), (report.Status, report.Reason));
        Assert.Equal(["t.xml"], Server.Uploads.Keys);
        Assert.Single(report.Artifacts);
    }

    [Fact]
    public async Task Timeout_OutputsForAnyResult_AreUploaded()
    {
        Server.Work[ExecutionId] = Work(
            "echo > t.xml; exec sleep 60",
            [
                new()
                {
                    Type = "test-report",
                    Path = "t.xml",
                    When = "always",
                },
            ]
        ) with
        {
            TimeoutSeconds = 0.5,
        };
        var report = await RunInProcessAsync();
        Assert.Equal(("failed", "timeout"), (report.Status, report.Reason));
        Assert.Equal(["t.xml"], Server.Uploads.Keys);
    }

    [Fact]
    public async Task Cancel_OutputsForAnyResult_AreUploadedWithinTheGracePeriod()
    {
        Server.Work[ExecutionId] = Work(
            "echo > t.xml; echo ready; exec sleep 60",
            [
                new()
                {
                    Type = "test-report",
                    Path = "t.xml",
                    When = "always",
                },
            ]
        );
        Server.Cancel = true;
        var report = await RunInProcessAsync();
        Assert.Equal("canceled", report.Status);
        // It may have been canceled before it wrote the file; then there is nothing to upload.
        Assert.Equal(File.Exists(Path.Combine(Workspace, "t.xml")), Server.Uploads.ContainsKey("t.xml"));
    }

    [Theory]
    [InlineData("ln -s nothing out/x", "out/x")]
    [InlineData("mkfifo out/x", "out/x")]
    [InlineData("mkfifo real; ln -s ../real out/x", "out/x")]
    [InlineData(
        "python3 -c 'import socket; s=socket.socket(socket.AF_UNIX); "
            + "s.bind(\"out/x\")' || perl -MSocket -e 'socket(S,AF_UNIX,SOCK_STREAM,0); "
            + "bind(S,sockaddr_un(\"out/x\")) or die'",
        "out/x"
    )]
    [InlineData("mknod out/x c 1 5", "out/x")]
    [InlineData("touch \"$(printf 'out/b\\377d')\"", "out/b")]
    [InlineData("touch \"$(printf 'out/a\\033[31mb')\"", "out/a\\x1b[31mb")]
    [InlineData("d=out; for i in 1 2 3 4 5 6; do d=$d/$(printf '%0200d' $i); done; mkdir -p $d; touch $d/x", "1000 characters")]
    public async Task InvalidOutput_IsNamedByItsPathAndNothingIsUploaded(string script, string expected)
    {
        foreach (var pattern in new[] { "out/**", "out" })
        {
            var report = await RunAsync($"mkdir out; echo 1 > out/aa; {script}", [new() { Type = "file", Path = pattern }]);
            if (pattern == "out" && report.Status == "success")
            {
                // A packed folder holds links as links, and any name that tar can hold.
                Assert.True(
                    script.Contains("ln -s", StringComparison.Ordinal)
                        || script.Contains("x1b", StringComparison.Ordinal)
                        || script.Contains("\\033", StringComparison.Ordinal)
                        || script.Contains("%0200d", StringComparison.Ordinal),
                    script
                );
                continue;
            }

            Assert.Equal(("failed", (int?)0, "artifact_invalid"), (report.Status, report.ExitCode, report.Reason));
            Assert.Contains(expected, report.Detail, StringComparison.Ordinal);
            Assert.DoesNotContain(report.Detail!, char.IsControl);
            Assert.Empty(Server.Uploads);
        }
    }

    [Theory]
    [InlineData("out")]
    [InlineData("out/**")]
    public async Task TooDeepTree_FailsTheStep(string pattern)
    {
        var report = await RunAsync(
            "mkdir out; perl -e 'chdir \"out\"; for (1..300) { mkdir \"d\" x 20; chdir \"d\" x 20 } open F, \">x\"'",
            [new() { Type = "file", Path = pattern }]
        );
        Assert.Equal(("failed", "artifact_invalid"), (report.Status, report.Reason));
        Assert.Contains("too deep", report.Detail, StringComparison.Ordinal);
        Assert.True(report.Detail!.Length < 600, report.Detail);
        Assert.Empty(Server.Uploads);
    }

    [Theory]
    [InlineData("ln -s /etc/hostname x", "x")]
    [InlineData("ln -s /etc x", "x/hostname")]
    [InlineData("ln -s /dev/zero x", "x")]
    [InlineData("mkfifo x", "x")]
    public async Task LiteralPathOutsideTheWorkspace_FailsTheStep(string script, string path)
    {
        var report = await RunAsync(script, [new() { Type = "file", Path = path }]);
        Assert.Equal(("failed", "artifact_invalid"), (report.Status, report.Reason));
        Assert.Contains($" {path} ", report.Detail, StringComparison.Ordinal);
        Assert.Empty(Server.Uploads);
    }

    [Fact]
    public async Task LinkedFoldersInACycleAndOutOfTheWorkspace_AreIgnored()
    {
        var report = await RunAsync(
            "mkdir -p out/a/b; echo 1 > out/a/b/f; ln -s ../../.. out/a/b/ring; ln -s / out/root; "
                + "ln -s /etc/hostname out/host; ln -s b/f out/a/link; ln -s self out/self",
            [new() { Type = "file", Path = "out/**" }]
        );
        Assert.True(report.Status == "success", report.Detail);
        Assert.Equal(["out/a/b/f", "out/a/link"], Server.Uploads.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Folder_IsPackedWithLinksAsLinks()
    {
        var report = await RunAsync(
            "mkdir -p site/deep; echo 1 > site/deep/f; ln -s deep/f site/l; ln -s nothing site/dangling; chmod 750 site/deep/f",
            [new() { Type = "file", Path = "./site/" }]
        );
        Assert.True(report.Status == "success", report.Detail);
        using var zip = new GZipStream(new MemoryStream(Server.Uploads["site.tar.gz"]), CompressionMode.Decompress);
        using var tar = new TarReader(zip);
        var entries = new Dictionary<string, (TarEntryType Type, string Link, UnixFileMode Mode)>();
        while (await tar.GetNextEntryAsync() is { } entry)
        {
            entries[entry.Name] = (entry.EntryType, entry.LinkName, entry.Mode);
        }

        Assert.Equal(["site/", "site/dangling", "site/deep/", "site/deep/f", "site/l"], entries.Keys.Order(StringComparer.Ordinal));
        Assert.Equal((TarEntryType.SymbolicLink, "deep/f"), (entries["site/l"].Type, entries["site/l"].Link));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute,
            entries["site/deep/f"].Mode
        );
    }

    /// <summary>A clean-up that goes too far is no failure of the executor, which would be tried again.</summary>
    [Fact]
    public async Task Folder_StepRemovedTheRunnersFolder_IsPackedAllTheSame()
    {
        var report = await RunAsync(
            "mkdir out; echo 1 > out/a; rm -rf \"$(dirname \"$SHIPINATOR_ENV\")\"",
            [new() { Type = "file", Path = "out" }]
        );
        Assert.True(report.Status == "success", report.Detail);
        Assert.Equal(["out.tar.gz"], Server.Uploads.Keys);
    }

    [Theory]
    [InlineData("out/*")]
    [InlineData("out")]
    public async Task UnreadableFile_IsNamed(string pattern)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Only root can give up its right to read everything.");
        var report = await RunAsync(
            Work("mkdir out; echo 1 > out/x; chmod 000 out/x", [new() { Type = "file", Path = pattern }]),
            "setpriv",
            "--bounding-set=-dac_override,-dac_read_search"
        );
        Assert.Equal(("failed", "artifact_invalid"), (report.Status, report.Reason));
        Assert.Contains("out/x", report.Detail, StringComparison.Ordinal);
        Assert.Contains("denied", report.Detail, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData(413, "body_too_large", "The body is larger than this route takes.")]
    [InlineData(422, "artifact_limit", "The run has left too much already.")]
    [InlineData(400, "name_malformed", "name must be a path.")]
    public async Task RejectionByTheServer_FailsTheStepWithTheServersDetail(int status, string code, string detail)
    {
        Server.RejectUploads = (status, code, detail);
        var report = await RunAsync("head -c 3000000 /dev/zero > big; cp big big2", [new() { Type = "file", Path = "big*" }]);
        Assert.Equal(("failed", "artifact_invalid"), (report.Status, report.Reason));
        Assert.Contains(detail, report.Detail, StringComparison.Ordinal);
        Assert.Equal(1, Server.UploadRequests);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task FileThatChangesDuringTheUpload_IsRetriedAndThenReported(bool goesOn)
    {
        var file = Path.Combine(Workspace, "f");
        Server.OnUpload = count =>
        {
            if (goesOn || count == 1)
            {
                using var stream = File.OpenWrite(file);
                stream.SetLength(stream.Length - 1000);
            }
        };
        var report = await RunAsync("head -c 3000000 /dev/zero > f", [new() { Type = "file", Path = "f" }]);
        Assert.Equal(goesOn ? ("failed", "artifact_invalid") : ("success", null), (report.Status, report.Reason));
        if (goesOn)
        {
            Assert.Contains("changed", report.Detail, StringComparison.Ordinal);
        }
        else
        {
            Assert.Equal(2_999_000, Server.Uploads["f"].Length);
        }
    }

    [Fact]
    public async Task SecretsInNamesRefsAndDetails_AreMasked()
    {
        const string secret = "tops3cret value";
        Server.Work[ExecutionId] = Work(
            "mkdir out; echo 1 > \"out/$KEY.txt\"; mkfifo \"out/$KEY.pipe\"",
            [
                new()
                {
                    Type = "image",
                    Ref = "registry/" + secret,
                    When = "always",
                },
                new()
                {
                    Type = "file",
                    Path = "out/*.txt",
                    When = "always",
                },
                new() { Type = "file", Path = "out/*.pipe" },
            ]
        ) with
        {
            Secrets = new Dictionary<string, string> { ["KEY"] = secret },
        };
        var report = await RunInProcessAsync();
        Assert.Equal("artifact_invalid", report.Reason);
        Assert.Contains("out/********.pipe", report.Detail, StringComparison.Ordinal);
        Assert.Equal(["out/********.txt", "registry/********"], Server.Uploads.Keys.Order(StringComparer.Ordinal));
        Assert.DoesNotContain(secret, Server.Log, StringComparison.Ordinal);
    }

    /// <summary>Without its resources in the program the message would be <c>IO_FileNotFound_FileName</c>.</summary>
    [Fact]
    public async Task FrameworkMessages_AreSentences()
    {
        var cache = Path.Combine(JobFolder, "cache");
        Directory.CreateDirectory(cache);
        // A folder can't be created where a file is.
        await File.WriteAllTextAsync(Path.Combine(cache, "scope"), "");
        Directory.CreateDirectory(Workspace);
        await File.WriteAllTextAsync(Path.Combine(Workspace, "a"), "");
        // A workspace that is not prepared would be emptied, and the key file removed.
        await File.WriteAllTextAsync(Path.Combine(JobFolder, "prepared"), "");
        Server.Work[ExecutionId] = Work("mkdir kept", []) with
        {
            Cache = new()
            {
                Scope = "scope",
                Image = "",
                KeyFiles = ["a"],
                Paths = ["kept"],
            },
        };
        var start = Command("work", ExecutionId);
        start.Environment["SHIPINATOR_CACHE_DIR"] = cache;
        using var runner = Process.Start(start)!;
        await WaitForExitAsync(runner);
        var message = Regex.Match(Server.Log, "counts as a miss: (.*)").Groups[1].Value;
        Assert.True(message.Contains(' ', StringComparison.Ordinal), Server.Log);
        Assert.DoesNotMatch("^[A-Za-z]+_[A-Za-z_]+", message);
    }

    [Fact]
    public async Task LogBeyondItsLimit_IsDroppedByTheRunner()
    {
        Server.Work[ExecutionId] = Work("yes | head -c 3000000; echo last", []) with { MaxLogBytes = 100_000 };
        Assert.Equal("success", (await RunInProcessAsync()).Status);
        // A little more than the limit, so that the server sees that there is more.
        Assert.InRange(Server.Log.Length, 100_001, 300_000);
        Assert.InRange(new FileInfo(Path.Combine(JobFolder, "executions", ExecutionId, "log")).Length, 100_001, 300_000);
    }

    [Fact]
    public async Task FixedStream_OfAFileThatGrew_HasTheAnnouncedLength()
    {
        using var inner = new MemoryStream("0123456789"u8.ToArray());
        await using var stream = new FixedStream(inner, 4);
        using var copy = new MemoryStream();
        await stream.CopyToAsync(copy);
        Assert.Equal("0123"u8.ToArray(), copy.ToArray());
        stream.Position = 0;
        Assert.Equal(4, stream.Read(new byte[100]));
        await using var longer = new FixedStream(new MemoryStream([1, 2]), 4);
        await Assert.ThrowsAsync<ContentChangedException>(() => longer.CopyToAsync(copy));
    }

    private Task<StatusReport> RunAsync(string script, IReadOnlyList<OutputResponse> outputs)
    {
        Server.Work[ExecutionId] = Work(script, outputs);
        return RunInProcessAsync();
    }
}
