using System.Diagnostics;
using System.Globalization;
using System.Text;
using Shipinator.Client;

namespace Shipinator.Runner.Tests;

/// <summary>The runner as a process of its own, against a server over HTTP.</summary>
public sealed class WorkTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);
    private readonly string _job = Directory.CreateTempSubdirectory("ship-runner-").FullName;
    private readonly string _id = Guid.CreateVersion7().ToString();
    private FakeServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await FakeServer.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_job, recursive: true);
    }

    [Fact]
    public async Task Script_RunsInTheWorkspaceWithItsEnvironmentAndNothingOfTheRunners()
    {
        var report = await RunAsync(
            Work("pwd; echo \"$GREETING $CI_WORKSPACE\"; env") with
            {
                Env = new Dictionary<string, string> { ["GREETING"] = "hello" },
            }
        );
        Assert.Equal("success", report.Status);
        Assert.Equal(0, report.ExitCode);
        var workspace = Path.Combine(_job, "workspace");
        Assert.StartsWith($"{workspace}\nhello {workspace}\n", _server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("SHIPINATOR_TOKEN", _server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("SHIPINATOR_URL", _server.Log, StringComparison.Ordinal);
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
        Assert.DoesNotContain("never", _server.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("#!/usr/bin/env bash\nif [[ -n yes ]]; then echo bash \"$0\"; fi", "bash ")]
    [InlineData("#!/bin/bash -u\nfalse; x=(a b); echo ${x[1]}", "b")]
    [InlineData("#!/usr/bin/env python3\nprint('from ' + 'python')", "from python")]
    [InlineData("#! /usr/bin/env -S sh -u\necho split", "split")]
    public async Task Script_FirstLineThatNamesAProgram_IsRunByIt(string script, string says)
    {
        Assert.Equal("success", (await RunAsync(Work(script))).Status);
        Assert.StartsWith(says, _server.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("(echo a; exit 3) | cat; echo never", "bash -euo pipefail", 3)]
    [InlineData("echo \"$UNSET_NAME\"; echo never", "bash -euo pipefail", 1)]
    [InlineData("#!/usr/bin/env bash\nfalse\necho never", "", 1)]
    [InlineData("#!/bin/sh\nfalse\necho never", "", 1)]
    [InlineData("import sys; sys.exit(9)", "python3", 9)]
    public async Task Script_OfAShellThatStops_FailsTheStep(string script, string shell, int code)
    {
        var report = await RunAsync(Work(script) with { Shell = shell.Length == 0 ? null : shell.Split(' ') });
        Assert.Equal(("failed", (int?)code), (report.Status, report.ExitCode));
        Assert.DoesNotContain("never", _server.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("#!/usr/bin/env no-such-shell\necho", "", "no-such-shell, which the script's first line names")]
    [InlineData("#!/no/such/shell\necho", "", "/no/such/shell, which the script's first line names")]
    [InlineData("echo", "no-such-shell -e", "no-such-shell, which is to run the script")]
    public async Task Script_ShellThatTheImageLacks_Is127WithASentence(string script, string shell, string says)
    {
        var report = await RunAsync(Work(script) with { Shell = shell.Length == 0 ? null : shell.Split(' ') });
        Assert.Equal(("failed", (int?)127, "exit_code"), (report.Status, report.ExitCode, report.Reason));
        Assert.Contains(says, report.Detail, StringComparison.Ordinal);
        Assert.Contains(says, _server.Log, StringComparison.Ordinal);
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
        Assert.Contains($"Artifact file {name} (", _server.Log, StringComparison.Ordinal);
        Assert.Single(_server.Log.Split("Artifact file ").Skip(1));
    }

    [Fact]
    public async Task Command_IsRunWithoutAShellAndANameThatIsNoneIs127()
    {
        var plain = Work("") with { Script = null, Command = ["printf", "%s|", "a b", "$HOME", "*"] };
        Assert.Equal("success", (await RunAsync(plain)).Status);
        Assert.Equal("a b|$HOME|*|", _server.Log);
    }

    [Fact]
    public async Task Log_ServerAwayAndAnswersLost_IsWhole()
    {
        _server.AnswersToLose = 3;
        _server.Work[_id] = Work(
            $"i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo line $i; done; touch {_job}/away; while [ ! -e {_job}/go ]; do sleep 0.02; done; while [ $i -lt 4000 ]; do i=$((i+1)); echo line $i; done"
        );
        using var runner = Start();
        await WaitForFileAsync(Path.Combine(_job, "away"));
        await _server.GoAwayAsync();
        await File.WriteAllTextAsync(Path.Combine(_job, "go"), "");
        // The command ends while nobody is there.
        await WaitForLogAsync("line 4000");
        await _server.ComeBackAsync();

        Assert.Equal("success", (await _server.Reported.Task.WaitAsync(Patience)).Status);
        await runner.WaitForExitAsync();
        Assert.Equal(string.Concat(Enumerable.Range(1, 4000).Select(i => $"line {i}\n")), _server.Log);
    }

    [Fact]
    public async Task Cancel_EndsTheWholeGroupGracefully()
    {
        _server.Work[_id] = Work(
            $"trap 'echo cleaned up; exit 0' TERM; sleep 1000 & echo $! > {_job}/child; while true; do sleep 0.05; echo tick; done"
        );
        using var runner = Start();
        await WaitForFileAsync(Path.Combine(_job, "child"));
        _server.Cancel = true;

        Assert.Equal("canceled", (await _server.Reported.Task.WaitAsync(Patience)).Status);
        await runner.WaitForExitAsync();
        Assert.Contains("cleaned up", _server.Log, StringComparison.Ordinal);
        var child = int.Parse(await File.ReadAllTextAsync(Path.Combine(_job, "child")), CultureInfo.InvariantCulture);
        Assert.False(IsRunning(child), "A process of the group is left.");
    }

    [Fact]
    public async Task Timeout_KillsWhatDoesNotListenAndSaysSo()
    {
        var report = await RunAsync(Work("trap '' TERM; while true; do sleep 0.1; done") with { TimeoutSeconds = 0.5, GraceSeconds = 0.3 });
        Assert.Equal(("failed", "timeout"), (report.Status, report.Reason));
        Assert.Contains("0.5 s", report.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Runner_WithoutTheCredentialThatAnotherHas_WaitsUntilThatOneHasMadeTheWorkspace()
    {
        _server.Work[_id] = Work("cat made-by-the-other") with
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
        await _server.Claimed.Task.WaitAsync(Patience);
        // The other one is at work.
        await using (
            var alone = new FileStream(Path.Combine(_job, "prepare.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None)
        )
        {
            Directory.CreateDirectory(Path.Combine(_job, "workspace"));
            await File.WriteAllTextAsync(Path.Combine(_job, "workspace", "made-by-the-other"), "made\n");
            Assert.False(_server.Reported.Task.IsCompleted);
        }

        await File.WriteAllTextAsync(Path.Combine(_job, "prepared"), "");
        var report = await _server.Reported.Task.WaitAsync(Patience);
        Assert.Equal(("success", "made\n"), (report.Status, _server.Log));
        await runner.WaitForExitAsync(new CancellationTokenSource(Patience).Token);
    }

    [Fact]
    public async Task Claim_NotNeeded_EndsAtOnceAndChangesNothing()
    {
        using var runner = Start();
        await runner.WaitForExitAsync(new CancellationTokenSource(Patience).Token);
        Assert.Equal(0, runner.ExitCode);
        Assert.False(Directory.Exists(Path.Combine(_job, "workspace")));
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
        Assert.Equal(["out/a.xml", "out/deep/b.xml", "site.tar.gz"], _server.Uploads.Keys.Order(StringComparer.Ordinal));
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
    public async Task Secrets_ReachTheStepAndNeverTheLog()
    {
        var report = await RunAsync(
            Work("test \"$KEY\" = tops3cret && echo \"the key is $KEY\"") with
            {
                Secrets = new Dictionary<string, string> { ["KEY"] = "tops3cret" },
            }
        );
        Assert.Equal("success", report.Status);
        Assert.Equal("the key is ********\n", _server.Log);
    }

    [Fact]
    public async Task Source_IsClonedAtTheExactCommitAndTheCredentialIsWrittenNowhere()
    {
        var origin = Path.Combine(_job, "origin");
        Directory.CreateDirectory(origin);
        await File.WriteAllTextAsync(Path.Combine(origin, "file"), "old\n");
        Git(origin, "init", "-q", "-b", "main");
        Git(origin, "add", "-A");
        Git(origin, "-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "-q", "-m", "old");
        var old = Git(origin, "rev-parse", "HEAD");
        await File.WriteAllTextAsync(Path.Combine(origin, "file"), "new\n");
        Git(origin, "-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "-q", "-a", "-m", "new");

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
        Assert.Contains("\nold\n", _server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("********", _server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain(
            "clonepassw0rd",
            await File.ReadAllTextAsync(Path.Combine(_job, "workspace", ".git", "config")),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Source_ThatCannotBeHad_IsTheExecutorsErrorInGitsWords()
    {
        var report = await RunAsync(
            Work("true") with
            {
                Source = new()
                {
                    CloneUrl = Path.Combine(_job, "nowhere"),
                    Ref = "refs/heads/main",
                    Commit = new string('1', 40),
                },
            }
        );
        Assert.Equal(("failed", "executor_error"), (report.Status, report.Reason));
        Assert.Contains("nowhere", report.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Command_WithAWorkdir_IsToldWhereItIs()
    {
        await File.WriteAllTextAsync(
            Path.Combine(Directory.CreateDirectory(Path.Combine(_job, "workspace", "sub", "deep")).FullName, "here"),
            ""
        );
        await File.WriteAllTextAsync(Path.Combine(_job, "prepared"), "");
        var report = await RunAsync(Work("") with { Script = null, Command = ["printenv", "PWD"], Workdir = "sub/deep" });
        Assert.Equal(("success", Path.Combine(_job, "workspace", "sub", "deep") + "\n"), (report.Status, _server.Log));
    }

    [Theory]
    [InlineData(131_072, "NOTES", "The environment variable NOTES has 131072 bytes", "131071")]
    [InlineData(131_066, "NOTES", "The environment variable NOTES has 131066 bytes", "131071")]
    public async Task Environment_OneValueIsTooLong_IsTheUsersErrorAndNamesIt(int length, string name, params string[] words)
    {
        var report = await RunAsync(
            Work("true") with
            {
                Env = new Dictionary<string, string> { ["SMALL"] = "x", [name] = new string('x', length) },
            }
        );
        Assert.Equal(("failed", "config_error"), (report.Status, report.Reason));
        Assert.All(words, w => Assert.Contains(w, report.Detail, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Environment_TheLongestThatIsTaken_ReachesTheStep()
    {
        var report = await RunAsync(
            Work("echo ${#NOTES}") with
            {
                Env = new Dictionary<string, string> { ["NOTES"] = new string('x', 131_065) },
            }
        );
        Assert.Equal(("success", "131065\n"), (report.Status, _server.Log));
    }

    [Fact]
    public async Task Environment_AllTogetherTooLong_IsTheUsersErrorAndNamesTheLargest()
    {
        var variables = Enumerable.Range(0, 200).ToDictionary(i => $"PART_{i}", i => new string('x', 100_000 + i));
        var report = await RunAsync(Work("true") with { Env = variables });
        Assert.Equal(("failed", "config_error"), (report.Status, report.Reason));
        Assert.Contains("PART_199", report.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Command_AnArgumentIsTooLong_IsTheUsersErrorAndSaysWhich()
    {
        var report = await RunAsync(Work("") with { Script = null, Command = ["echo", "a", new string('x', 140_000)] });
        Assert.Equal(("failed", "config_error"), (report.Status, report.Reason));
        Assert.Contains("Argument 2", report.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cat /proc/$PPID/environ")]
    [InlineData("ls /proc/$PPID/fd/")]
    [InlineData(": < /proc/$PPID/mem")]
    public async Task Runner_OfTheSameUser_CantBeLookedInto(string attack)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Needs root to become another, whom the runner is then.");
        // What of the token a container's step sees: no more than this, since its runner has the same user.
        _server.Work[_id] = Work($"if ({attack}) >/dev/null 2>&1; then echo GOT IT; fi; cat /proc/self/environ >/dev/null && echo done");
        File.SetUnixFileMode(_job, (UnixFileMode)0b111_111_111);
        using var runner = Start("setpriv", "--reuid=399998", "--regid=399998", "--clear-groups");
        await _server.Reported.Task.WaitAsync(Patience);
        await runner.WaitForExitAsync();
        Assert.Equal("done\n", _server.Log);
    }

    [Fact]
    public async Task Token_ByTheStandardInput_IsTakenAndAnEmptyOneRefused()
    {
        _server.Work[_id] = Work("env | grep -c TOKEN || true");
        async Task<int> Run(string token)
        {
            var start = Prepare();
            start.RedirectStandardInput = true;
            start.Environment.Remove("SHIPINATOR_TOKEN");
            start.Environment["SHIPINATOR_TOKEN_STDIN"] = "1";
            using var runner = Process.Start(start)!;
            await runner.StandardInput.WriteAsync(token);
            runner.StandardInput.Close();
            await runner.WaitForExitAsync();
            return runner.ExitCode;
        }

        Assert.Equal(2, await Run(""));
        Assert.Equal(0, await Run("shx_by-the-input"));
        Assert.Equal("shx_by-the-input", _server.Claims.Last().Token);
        Assert.Equal("0\n", _server.Log);
    }

    private static ClaimResponse Work(string script) =>
        new()
        {
            ExecutionId = "x",
            StepName = "step",
            JobId = "j",
            JobAttempt = 1,
            Script = script,
            Env = new Dictionary<string, string>(),
            Secrets = new Dictionary<string, string>(),
            TimeoutSeconds = 60,
            GraceSeconds = 5,
            Inputs = [],
            Outputs = [],
        };

    private async Task<StatusReport> RunAsync(ClaimResponse work)
    {
        _server.Work[_id] = work;
        using var runner = Start();
        var report = await _server.Reported.Task.WaitAsync(Patience);
        await runner.WaitForExitAsync();
        return report;
    }

    private Process Start(params string[] prefix) => Process.Start(Prepare(prefix))!;

    private ProcessStartInfo Prepare(params string[] prefix)
    {
        string[] command = [.. prefix, "dotnet", FakeServer.Program, "work"];
        var start = new ProcessStartInfo(command[0], command[1..]);
        start.Environment["SHIPINATOR_URL"] = _server.Url.ToString();
        start.Environment["SHIPINATOR_EXECUTION_ID"] = _id;
        start.Environment["SHIPINATOR_TOKEN"] = "shx_test-token-of-this-execution";
        start.Environment["SHIPINATOR_JOB_DIR"] = _job;
        return start;
    }

    private async Task WaitForLogAsync(string text)
    {
        var spool = Path.Combine(_job, "executions", _id, "log");
        await UntilAsync(() => File.Exists(spool) && ReadShared(spool).Contains(text, StringComparison.Ordinal), $"'{text}' in the spool");
    }

    private static string ReadShared(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    private static Task WaitForFileAsync(string file) => UntilAsync(() => File.Exists(file) && new FileInfo(file).Exists, file);

    /// <summary>Another process is watched: there is no event to wait for.</summary>
    private static async Task UntilAsync(Func<bool> condition, string what)
    {
        var deadline = TimeProvider.System.GetUtcNow() + Patience;
        while (!condition())
        {
            Assert.True(TimeProvider.System.GetUtcNow() < deadline, $"{what} did not come.");
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        }
    }

    private static bool IsRunning(int pid) =>
        File.Exists($"/proc/{pid}/stat") && !File.ReadAllText($"/proc/{pid}/stat").Contains(") Z ", StringComparison.Ordinal);

    private static string Git(string folder, params string[] arguments)
    {
        using var git = Process.Start(new ProcessStartInfo("git", arguments) { WorkingDirectory = folder, RedirectStandardOutput = true })!;
        var output = git.StandardOutput.ReadToEnd();
        git.WaitForExit();
        Assert.Equal(0, git.ExitCode);
        return output.Trim();
    }
}
