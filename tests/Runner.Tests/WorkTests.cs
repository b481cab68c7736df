using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Shipinator.Runner.Tests;

/// <summary>The runner as a process of its own, against a server over HTTP.</summary>
public sealed class WorkTests : RunnerTest
{
    [Fact]
    public async Task Script_RunsInTheWorkspaceWithItsEnvironmentOnly()
    {
        var report = await RunAsync(
            Work("pwd; echo \"$GREETING $CI_WORKSPACE\"; env") with
            {
                Env = new Dictionary<string, string> { ["GREETING"] = "hello" },
            }
        );
        Assert.Equal("success", report.Status);
        Assert.Equal(0, report.ExitCode);
        Assert.StartsWith($"{Workspace}\nhello {Workspace}\n", Server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("SHIPINATOR_TOKEN", Server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("SHIPINATOR_URL", Server.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("exit 7", 7, "exit_code")]
    [InlineData("false; echo never", 1, "exit_code")]
    [InlineData("kill -9 $$", 137, "exit_code")]
    [InlineData("no-such-command", 127, "exit_code")]
    public async Task Script_ThatFails_IsReportedWithItsExitCode(string script, int code, string reason)
    {
        var report = await RunAsync(Work(script));
        Assert.Equal(("failed", (int?)code, reason), (report.Status, report.ExitCode, report.Reason));
        Assert.DoesNotContain("never", Server.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("#!/usr/bin/env bash\nif [[ -n yes ]]; then echo bash \"$0\"; fi", "bash ")]
    [InlineData("#!/bin/bash -u\nfalse; x=(a b); echo ${x[1]}", "b")]
    [InlineData("#!/usr/bin/env python3\nprint('from ' + 'python')", "from python")]
    [InlineData("#! /usr/bin/env -S sh -u\necho split", "split")]
    public async Task Script_WithAShebang_IsRunByItsInterpreter(string script, string expected)
    {
        Assert.Equal("success", (await RunAsync(Work(script))).Status);
        Assert.StartsWith(expected, Server.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("(echo a; exit 3) | cat; echo never", "bash -euo pipefail", 3)]
    [InlineData("echo \"$UNSET_NAME\"; echo never", "bash -euo pipefail", 1)]
    [InlineData("#!/usr/bin/env bash\nfalse\necho never", "", 1)]
    [InlineData("#!/bin/sh\nfalse\necho never", "", 1)]
    [InlineData("import sys; sys.exit(9)", "python3", 9)]
    public async Task Script_ErrorInAShell_FailsTheStep(string script, string shell, int code)
    {
        var report = await RunAsync(Work(script) with { Shell = shell.Length == 0 ? null : shell.Split(' ') });
        Assert.Equal(("failed", (int?)code), (report.Status, report.ExitCode));
        Assert.DoesNotContain("never", Server.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("#!/usr/bin/env no-such-shell\necho", "", "no-such-shell, from the script's first line")]
    [InlineData("#!/no/such/shell\necho", "", "/no/such/shell, from the script's first line")]
    [InlineData("echo", "no-such-shell -e", "no-such-shell, the script's shell")]
    public async Task Script_ShellIsMissing_Is127WithADetail(string script, string shell, string expected)
    {
        var report = await RunAsync(Work(script) with { Shell = shell.Length == 0 ? null : shell.Split(' ') });
        Assert.Equal(("failed", (int?)127, "exit_code"), (report.Status, report.ExitCode, report.Reason));
        Assert.Contains(expected, report.Detail, StringComparison.Ordinal);
        Assert.Contains(expected, Server.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("out/*.{zip,tar.gz}", "out/a.tar.gz")]
    [InlineData("out/?.txt", "out/b.txt")]
    [InlineData("out/[ab].txt", "out/b.txt")]
    [InlineData("**/*.tar.gz", "out/a.tar.gz")]
    public async Task Outputs_EveryGlobThatLintAccepts_FindsItsFiles(string pattern, string name)
    {
        var work = Work("mkdir -p out && echo 1 > out/a.tar.gz && echo 2 > out/b.txt && ln -s / root && ln -s . ring") with
        {
            Outputs = [new() { Type = "file", Path = pattern }],
        };
        Assert.Equal("success", (await RunAsync(work)).Status);
        Assert.Contains($"Artifact file {name} (", Server.Log, StringComparison.Ordinal);
        Assert.Single(Server.Log.Split("Artifact file ").Skip(1));
    }

    [Fact]
    public async Task Command_IsRunWithoutAShell()
    {
        var plain = Work("") with { Script = null, Command = ["printf", "%s|", "a b", "$HOME", "*"] };
        Assert.Equal("success", (await RunAsync(plain)).Status);
        Assert.Equal("a b|$HOME|*|", Server.Log);
    }

    [Fact]
    public async Task Log_ServerUnreachableAndResponsesLost_IsComplete()
    {
        Server.ResponsesToLose = 3;
        Server.Work[ExecutionId] = Work(
            $"i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo line $i; done; touch {JobFolder}/away; "
                + $"while [ ! -e {JobFolder}/go ]; do sleep 0.02; done; while [ $i -lt 4000 ]; do i=$((i+1)); "
                + "echo line $i; done"
        );
        using var runner = Start();
        await WaitForFileAsync(Path.Combine(JobFolder, "away"));
        await Server.StopAsync();
        await File.WriteAllTextAsync(Path.Combine(JobFolder, "go"), "");
        // The command ends while the server is unreachable.
        await WaitForLogAsync("line 4000");
        await Server.RestartAsync();

        Assert.Equal("success", (await Server.Reported.Task.WaitAsync(WaitLimit)).Status);
        await WaitForExitAsync(runner);
        Assert.Equal(string.Concat(Enumerable.Range(1, 4000).Select(i => $"line {i}\n")), Server.Log);
    }

    [Fact]
    public async Task Cancel_TerminatesTheWholeGroupGracefully()
    {
        Server.Work[ExecutionId] = Work(
            $"trap 'echo cleaned up; exit 0' TERM; sleep 1000 & echo $! > {JobFolder}/child; while true; do sleep 0.05; echo tick; done"
        );
        using var runner = Start();
        await WaitForFileAsync(Path.Combine(JobFolder, "child"));
        Server.Cancel = true;

        Assert.Equal("canceled", (await Server.Reported.Task.WaitAsync(WaitLimit)).Status);
        await WaitForExitAsync(runner);
        Assert.Contains("cleaned up", Server.Log, StringComparison.Ordinal);
        var child = int.Parse(await File.ReadAllTextAsync(Path.Combine(JobFolder, "child")), CultureInfo.InvariantCulture);
        Assert.False(IsRunning(child), "A process of the group is still running.");
    }

    [Fact]
    public async Task Timeout_CommandIgnoresSigterm_IsKilledAndReported()
    {
        var report = await RunAsync(Work("trap '' TERM; while true; do sleep 0.1; done") with { TimeoutSeconds = 0.5, GraceSeconds = 0.3 });
        Assert.Equal(("failed", "timeout"), (report.Status, report.Reason));
        Assert.Contains("0.5 s", report.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Workspace_AnotherRunnerHasTheCredential_IsAwaited()
    {
        Server.Work[ExecutionId] = Work("cat made-by-the-other") with
        {
            Source = new()
            {
                CloneUrl = "https://127.0.0.1:1/x.git",
                Ref = "refs/heads/main",
                Commit = new string('1', 40),
                PreparedByOther = true,
            },
        };
        using var runner = Start();
        await Server.Claimed.Task.WaitAsync(WaitLimit);
        // The other runner prepares it.
        await using (
            var alone = new FileStream(Path.Combine(JobFolder, "prepare.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None)
        )
        {
            Directory.CreateDirectory(Workspace);
            await File.WriteAllTextAsync(Path.Combine(Workspace, "made-by-the-other"), "made\n");
            Assert.False(Server.Reported.Task.IsCompleted);
        }

        await File.WriteAllTextAsync(Path.Combine(JobFolder, "prepared"), "");
        var report = await Server.Reported.Task.WaitAsync(WaitLimit);
        Assert.Equal(("success", "made\n"), (report.Status, Server.Log));
        await WaitForExitAsync(runner);
    }

    [Fact]
    public async Task Claim_NotNeeded_ExitsAtOnceAndChangesNothing()
    {
        using var runner = Start();
        await WaitForExitAsync(runner);
        Assert.Equal(0, runner.ExitCode);
        Assert.False(Directory.Exists(Workspace));
    }

    [Fact]
    public async Task Outputs_FilesGlobsAndFolders_AreUploadedAndAMissingOneFailsTheStep()
    {
        var report = await RunAsync(
            Work("mkdir -p out/deep site; echo 1 > out/a.xml; echo 2 > out/deep/b.xml; echo 3 > site/index.html") with
            {
                Outputs = [new() { Type = "test-report", Path = "out/**/*.xml" }, new() { Type = "file", Path = "site" }],
            }
        );
        Assert.Equal("success", report.Status);
        Assert.Equal(["out/a.xml", "out/deep/b.xml", "site.tar.gz"], Server.Uploads.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(3, report.Artifacts.Count);
    }

    [Fact]
    public async Task Outputs_OneIsMissing_FailsTheStepAndNamesIt()
    {
        var report = await RunAsync(Work("true") with { Outputs = [new() { Type = "binary", Path = "bin/app" }] });
        Assert.Equal(("failed", "artifact_missing"), (report.Status, report.Reason));
        Assert.Contains("bin/app", report.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Secrets_ReachTheStepButNotTheLog()
    {
        var report = await RunAsync(
            Work("test \"$KEY\" = tops3cret && echo \"the key is $KEY\"") with
            {
                Secrets = new Dictionary<string, string> { ["KEY"] = "tops3cret" },
            }
        );
        Assert.Equal("success", report.Status);
        Assert.Equal("the key is ********\n", Server.Log);
    }

    [Fact]
    public async Task Source_IsClonedAtTheExactCommitAndTheCredentialIsWrittenNowhere()
    {
        var origin = Path.Combine(JobFolder, "origin");
        Directory.CreateDirectory(origin);
        await File.WriteAllTextAsync(Path.Combine(origin, "file"), "old\n");
        var old = Commit(origin, "old");
        await File.WriteAllTextAsync(Path.Combine(origin, "file"), "new\n");
        Commit(origin, "new");

        var report = await RunAsync(
            Work("cat file; env; cat .git/config; git status --short") with
            {
                Source = new()
                {
                    CloneUrl = origin,
                    Ref = "refs/heads/main",
                    Commit = old,
                    Username = "bot",
                    Password = "clonepassw0rd",
                },
            }
        );
        Assert.True(report.Status == "success", report.Detail);
        Assert.Contains("\nold\n", Server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("********", Server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain(
            "clonepassw0rd",
            await File.ReadAllTextAsync(Path.Combine(Workspace, ".git", "config")),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Source_CanNotBeFetched_IsAnExecutorErrorWithGitsOutput()
    {
        var report = await RunAsync(
            Work("true") with
            {
                Source = new()
                {
                    CloneUrl = Path.Combine(JobFolder, "nowhere"),
                    Ref = "refs/heads/main",
                    Commit = new string('1', 40),
                },
            }
        );
        Assert.Equal(("failed", "executor_error"), (report.Status, report.Reason));
        Assert.Contains("nowhere", report.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Command_WithAWorkdir_HasItAsPwd()
    {
        await File.WriteAllTextAsync(Path.Combine(Directory.CreateDirectory(Path.Combine(Workspace, "sub", "deep")).FullName, "here"), "");
        await File.WriteAllTextAsync(Path.Combine(JobFolder, "prepared"), "");
        var report = await RunAsync(Work("") with { Script = null, Command = ["printenv", "PWD"], Workdir = "sub/deep" });
        Assert.Equal(("success", Path.Combine(Workspace, "sub", "deep") + "\n"), (report.Status, Server.Log));
    }

    [Theory]
    [InlineData(131_072, "NOTES", "The environment variable NOTES has 131072 bytes", "131071")]
    [InlineData(131_066, "NOTES", "The environment variable NOTES has 131066 bytes", "131071")]
    public async Task Environment_OneValueTooLong_IsAConfigErrorThatNamesIt(int length, string name, params string[] expected)
    {
        var report = await RunAsync(
            Work("true") with
            {
                Env = new Dictionary<string, string> { ["SMALL"] = "x", [name] = new string('x', length) },
            }
        );
        Assert.Equal(("failed", "config_error"), (report.Status, report.Reason));
        Assert.All(expected, e => Assert.Contains(e, report.Detail, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Environment_LongestAllowedValue_ReachesTheStep()
    {
        var report = await RunAsync(
            Work("echo ${#NOTES}") with
            {
                Env = new Dictionary<string, string> { ["NOTES"] = new string('x', 131_065) },
            }
        );
        Assert.Equal(("success", "131065\n"), (report.Status, Server.Log));
    }

    [Fact]
    public async Task Environment_TooLongInTotal_IsAConfigErrorThatNamesTheLargest()
    {
        var variables = Enumerable.Range(0, 200).ToDictionary(i => $"PART_{i}", i => new string('x', 100_000 + i));
        var report = await RunAsync(Work("true") with { Env = variables });
        Assert.Equal(("failed", "config_error"), (report.Status, report.Reason));
        Assert.Contains("PART_199", report.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Command_ArgumentTooLong_IsAConfigErrorThatNamesIt()
    {
        var report = await RunAsync(Work("") with { Script = null, Command = ["echo", "a", new string('x', 140_000)] });
        Assert.Equal(("failed", "config_error"), (report.Status, report.Reason));
        Assert.Contains("Argument 2", report.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cat /proc/$PPID/environ")]
    [InlineData("ls /proc/$PPID/fd/")]
    [InlineData(": < /proc/$PPID/mem")]
    public async Task Runner_OfTheSameUser_CanNotBeInspected(string attack)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Needs root to become the runner's user.");
        // A container's step sees no more of the token than this: its runner has the same user.
        Server.Work[ExecutionId] = Work(
            $"if ({attack}) >/dev/null 2>&1; then echo GOT IT; fi; cat /proc/self/environ >/dev/null && echo done"
        );
        File.SetUnixFileMode(Root, (UnixFileMode)0b111_111_111);
        File.SetUnixFileMode(JobFolder, (UnixFileMode)0b111_111_111);
        using var runner = Start("setpriv", "--reuid=399998", "--regid=399998", "--clear-groups");
        await Server.Reported.Task.WaitAsync(WaitLimit);
        await WaitForExitAsync(runner);
        Assert.Equal("done\n", Server.Log);
    }

    [Fact]
    public async Task Token_FromStandardInput_IsUsedAndAnEmptyOneRefused()
    {
        Server.Work[ExecutionId] = Work("env | grep -c TOKEN || true");
        async Task<int> Run(string token)
        {
            var start = Command("work", ExecutionId);
            start.RedirectStandardInput = true;
            start.Environment.Remove("SHIPINATOR_TOKEN");
            start.Environment["SHIPINATOR_TOKEN_STDIN"] = "1";
            using var runner = Process.Start(start)!;
            await runner.StandardInput.WriteAsync(token);
            runner.StandardInput.Close();
            await WaitForExitAsync(runner);
            return runner.ExitCode;
        }

        Assert.Equal(2, await Run(""));
        Assert.Equal(0, await Run("shx_by-the-input"));
        Assert.Equal("shx_by-the-input", Server.Claims.Last().Token);
        Assert.Equal("0\n", Server.Log);
    }

    private async Task WaitForLogAsync(string text)
    {
        var spool = Path.Combine(JobFolder, "executions", ExecutionId, "log");
        await UntilAsync(() => File.Exists(spool) && ReadShared(spool).Contains(text, StringComparison.Ordinal), $"'{text}' in the spool");
    }

    private static string ReadShared(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    private static Task WaitForFileAsync(string file) => UntilAsync(() => File.Exists(file) && new FileInfo(file).Exists, file);

    /// <summary>Polls: another process has no event to wait for.</summary>
    private static async Task UntilAsync(Func<bool> condition, string what)
    {
        var deadline = TimeProvider.System.GetUtcNow() + WaitLimit;
        while (!condition())
        {
            Assert.True(TimeProvider.System.GetUtcNow() < deadline, $"Timed out waiting for {what}.");
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        }
    }

    private static bool IsRunning(int pid) =>
        File.Exists($"/proc/{pid}/stat") && !File.ReadAllText($"/proc/{pid}/stat").Contains(") Z ", StringComparison.Ordinal);
}
