using System.Diagnostics;
using System.Globalization;
using Shipinator.Client;
using Shipinator.Executors.Process;

namespace Shipinator.Executors.Tests;

/// <summary>Started by root, job attempts run as separate users: what a hostile step tries, and what an ordinary one needs.</summary>
public sealed class StepUserTests : IAsyncLifetime
{
    private ProcessBench _bench = null!;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Only root can give steps separate users.");
        _bench = await ProcessBench.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_bench is not null)
        {
            await _bench.DisposeAsync();
        }
    }

    /// <summary>The last case shows that the attacks are real: without separate users they succeed.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Step_Hostile_SucceedsOnlyAsTheServersUser(bool asServer)
    {
        Environment.SetEnvironmentVariable("SHIPINATOR_TEST_PASSWORD", "of-the-database");
        using var server = System.Diagnostics.Process.Start(new ProcessStartInfo("sleep", ["1000"]))!;
        await File.WriteAllTextAsync(Path.Combine(_bench.Root, "server.json"), "{}");
        File.SetUnixFileMode(Path.Combine(_bench.Root, "server.json"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var executor = _bench.Executor(asServer);
        var cache = new CacheResponse
        {
            Scope = RepositoryId.New(TimeProvider.System).ToString(),
            Image = "none",
            KeyFiles = [],
            Paths = ["kept"],
        };

        // A neighbor active, with a file of its own, and one before it that left a cache.
        var before = ProcessBench.Job(repository: RepositoryId.Parse(cache.Scope))[0];
        await _bench.RunAsync(_bench.Executor(), before, "mkdir kept; echo bytes > kept/file", cache);
        await _bench.Executor().Release(before.Worker.JobId, 1, default);
        var neighbor = ProcessBench.Job()[0];
        _bench.Work(neighbor, $"echo mine > file; touch {_bench.Root}/neighbor; sleep 1000");
        await _bench.Executor().Submit(neighbor, default);
        await _bench.FileAsync("neighbor");
        var foreign = ProcessTable.FindByExecution([neighbor.ExecutionId])[0];

        // The runner of the second step waits for its turn beside the attacker.
        var steps = ProcessBench.Job(2);
        var own = Path.Combine(_bench.Jobs, ".control", steps[0].Worker.ExternalName);
        var attacks = new Dictionary<string, string>
        {
            ["server.json"] = $"cat {_bench.Root}/server.json",
            ["environment of the server"] = $"grep -q of-the-database /proc/{server.Id}/environ",
            ["memory of the server"] = $": < /proc/{server.Id}/mem",
            ["files of the server"] = $"ls /proc/{server.Id}/fd/",
            ["signal to the server"] = $"kill -0 {server.Id}",
            ["environment of its runner"] = "grep -q SHIPINATOR_URL /proc/$PPID/environ",
            ["memory of its runner"] = ": < /proc/$PPID/mem",
            ["open files of its runner"] = "ls /proc/$PPID/fd/",
            ["any token in an environment"] = "cat /proc/[0-9]*/environ | grep -qa 'shx_[0-9a-f]'",
            ["environment of any runner"] = "cat /proc/[0-9]*/environ | grep -q SHIPINATOR_URL",
            ["any token in a file"] = $"grep -rqa 'shx_[0-9a-f]' {_bench.Jobs} $CI_WORKSPACE/.. $TMPDIR",
            // Open sockets only: a killed process leaves its file, and its id is reused.
            ["diagnostics of a runner"] = "ls $TMPDIR/dotnet-diagnostic-* || grep -q dotnet-diagnostic-$PPID- /proc/net/unix",
            ["what the executor keeps"] = $"ls {own}",
            ["result of its own"] = $"echo x >> {own}/{steps[0].ExecutionId}/lie",
            ["result of the next step"] = $"echo x >> {own}/{steps[1].ExecutionId}/lie",
            ["folder of all jobs"] = $"ls {_bench.Jobs}",
            ["place among the jobs"] = $"mkdir {_bench.Jobs}/ship-evil",
            ["name of its folder"] = $"mv {_bench.Folder(steps[0])} {_bench.Jobs}/elsewhere",
            ["workspace of a neighbor"] = $"cat {_bench.Folder(neighbor)}/workspace/file",
            ["environment of a neighbor"] = $"cat /proc/{foreign}/environ",
            ["signal to a neighbor"] = $"kill -0 {foreign}",
            ["caches"] = $"ls {_bench.Jobs}/.cache",
            ["cache of another repository"] = $"ls {_bench.Jobs}/.cache/{cache.Scope}",
            ["program of the runner"] = "cat /var/lib/shipinator/runners/*/Shipinator.Runner | head -c 4 | grep -q ELF",
            ["place of the runner"] = "touch /var/lib/shipinator/runners/mine && rm /var/lib/shipinator/runners/mine",
            ["the list of users"] = "ls /var/lib/shipinator/users",
            ["root again"] = "setpriv --reuid=0 --clear-groups true",
        };
        var script = string.Concat(attacks.Select(a => $"if ({a.Value}) >/dev/null 2>&1; then echo 'GOT {a.Key}'; fi\n"));
        await _bench.RunAsync(executor, steps[0], script + "echo tried all");
        server.Kill();
        Environment.SetEnvironmentVariable("SHIPINATOR_TEST_PASSWORD", null);
        Assert.True(_bench.Server.Log.Contains("tried all\n", StringComparison.Ordinal), _bench.Server.Log);
        var got = _bench.Server.Log.Split('\n').Where(l => l.StartsWith("GOT ", StringComparison.Ordinal)).Select(l => l[4..]).ToList();
        if (!asServer)
        {
            Assert.Empty(got);
            return;
        }

        // Not this: tokens lie nowhere, and no runner has a diagnostics port, whoever it runs as.
        Assert.Equal(attacks.Keys.Except(["any token in an environment", "any token in a file", "diagnostics of a runner"]), got);
    }

    [Fact]
    public async Task Step_Ordinary_FindsWhatBuildsNeed()
    {
        var steps = ProcessBench.Job(2);
        var executor = _bench.Executor();
        var first = await _bench.RunAsync(
            executor,
            steps[0],
            """
            test "$(id -u)" -ge 400000 && test "$(id -u)" = "$(id -g)" && test -z "$(id -G | tr -d '0-9')"
            test "$(umask)" = 0022 -o "$(umask)" = 022
            touch "$HOME/.config-of-a-tool" && mktemp && test -d "$TMPDIR"
            case "$HOME" in "$CI_WORKSPACE"*) exit 3;; esac
            git init -q . && git config user.name x && git config user.email x@example.org
            printf 'all:\n\techo made > out\n' > Makefile && make && git add -A && git commit -qm first
            test "$(stat -c %a out)" = 644
            """
        );
        Assert.Equal((Status.Success, _bench.Server.Log), (first.Status, _bench.Server.Log));
        var second = await _bench.RunAsync(
            executor,
            steps[1],
            "echo more >> out && git diff --quiet HEAD -- Makefile && test -e \"$HOME/.config-of-a-tool\""
        );
        Assert.True(second.Status == Status.Success, _bench.Server.Log);
    }

    [Fact]
    public async Task Users_OfConcurrentJobs_AreDistinct_AndKeptOverARestart()
    {
        string Write(string name) =>
            $"id -u > {_bench.Root}/{name}.new; mv {_bench.Root}/{name}.new {_bench.Root}/{name}; while [ ! -e {_bench.Root}/go "
            + "]; do sleep 0.02; done";
        var jobs = Enumerable.Range(0, 4).Select(_ => ProcessBench.Job(2)).ToList();
        // Two servers on one machine, each with a folder of its own.
        var executors = jobs.Select((_, i) => _bench.Executor(jobs: i % 2 == 0 ? null : Path.Combine(_bench.Root, "other"))).ToList();
        for (var i = 0; i < jobs.Count; i++)
        {
            _bench.Work(jobs[i][0], Write($"job{i}"));
            _bench.Work(jobs[i][1], Write($"second{i}"));
        }

        await Task.WhenAll(jobs.Select((j, i) => executors[i].Submit(j[0], default)));
        await Task.WhenAll(jobs.Select((_, i) => _bench.FileAsync($"job{i}")));
        var users = jobs.Select((_, i) => File.ReadAllText(Path.Combine(_bench.Root, $"job{i}")).Trim()).ToList();
        Assert.Equal(jobs.Count, users.Distinct().Count());

        await File.WriteAllTextAsync(Path.Combine(_bench.Root, "go"), "");
        await _bench.RunAsync(_bench.Executor(), jobs[0][1], Write("second0"));
        Assert.Equal(users[0], File.ReadAllText(Path.Combine(_bench.Root, "second0")).Trim());
        foreach (var worker in executors[1].FindWorkers())
        {
            await executors[1].Release(worker.Job, worker.Attempt, default);
        }
    }

    [Fact]
    public async Task Source_LocalRepositoryThatOnlyRootCanRead_IsCopied()
    {
        var closed = Directory.CreateTempSubdirectory("ship-closed-").FullName;
        var origin = Directory.CreateDirectory(Path.Combine(closed, "origin")).FullName;
        await Sh(
            $"umask 077; cd {origin}; git init -q -b main; echo content > file; git add -A; git -c user.name=x -c "
                + "user.email=x@example.org commit -qm one"
        );
        var commit = (await Sh($"git -C {origin} rev-parse HEAD")).Trim();
        try
        {
            var spec = ProcessBench.Job(
                source: new()
                {
                    CloneUrl = origin,
                    Ref = "refs/heads/main",
                    Commit = commit,
                }
            )[0];
            var end = await _bench.RunAsync(_bench.Executor(), spec, "test \"$(cat file)\" = content; git fetch -q origin");
            Assert.True(end.Status == Status.Success, _bench.Server.Log + end.Detail);

            var absent = ProcessBench.Job(
                source: new()
                {
                    CloneUrl = closed + "/nothing",
                    Ref = "refs/heads/main",
                    Commit = commit,
                }
            )[0];
            var error = await Assert.ThrowsAsync<ExecutorException>(() => _bench.Executor().Submit(absent, default));
            Assert.Contains("/nothing", error.Message, StringComparison.Ordinal);
            Assert.Equal((false, Reason.ExecutorError), (error.IsTransient, error.Reason));
        }
        finally
        {
            await FolderRemoval.RemoveAsync(closed, default);
        }
    }

    [Fact]
    public async Task Cache_IsSharedByJobsOfTheSameRepositoryOnly()
    {
        var (mine, other) = (RepositoryId.New(TimeProvider.System), RepositoryId.New(TimeProvider.System));
        CacheResponse Cache(RepositoryId of) =>
            new()
            {
                Scope = of.ToString(),
                Image = "none",
                KeyFiles = [],
                Paths = ["kept"],
            };
        var executor = _bench.Executor();
        var first = ProcessBench.Job(repository: mine)[0];
        // It also tries to put something under the other repository's name.
        await _bench.RunAsync(
            executor,
            first,
            $"mkdir kept; echo bytes > kept/file; mkdir -p ../cache/{other}; ln -s /etc/shadow "
                + $"../cache/{mine}/{new string('a', 64)}.tar.gz; mkfifo ../cache/{mine}/{new string('b', 64)}.tar.gz; echo "
                + $"evil > ../cache/{other}/{new string('c', 64)}.tar.gz",
            Cache(mine)
        );
        await executor.Release(first.Worker.JobId, 1, default);
        var kept = Assert.Single(Directory.GetFiles(Path.Combine(_bench.Jobs, ".cache"), "*", SearchOption.AllDirectories));
        Assert.StartsWith(Path.Combine(_bench.Jobs, ".cache", mine.ToString()), kept, StringComparison.Ordinal);
        File.SetLastWriteTimeUtc(kept, DateTime.UnixEpoch);

        var hit = await _bench.RunAsync(
            _bench.Executor(),
            ProcessBench.Job(repository: mine)[0],
            "test \"$(cat kept/file)\" = bytes; ! echo x >> ../cache/*/*.gz 2>/dev/null",
            Cache(mine)
        );
        Assert.True(hit.Status == Status.Success, _bench.Server.Log);
        Assert.Contains("Cache: restored 1 of 1 paths.", _bench.Server.Log, StringComparison.Ordinal);
        var miss = await _bench.RunAsync(executor, ProcessBench.Job(repository: other)[0], "test ! -e kept", Cache(other));
        Assert.True(miss.Status == Status.Success, _bench.Server.Log);

        foreach (var worker in executor.FindWorkers())
        {
            await executor.Release(worker.Job, worker.Attempt, default);
        }

        // That it was used is known, so that it is not the first to be evicted.
        Assert.True(File.GetLastWriteTimeUtc(kept).Year > 2000);
    }

    [Fact]
    public async Task Cache_WithRestoreKeys_IsStoredAndRestoredForAnotherKey()
    {
        var mine = RepositoryId.New(TimeProvider.System);
        var cache = new CacheResponse
        {
            Scope = mine.ToString(),
            Image = "none",
            KeyFiles = ["lock"],
            Paths = ["kept"],
            RestoreDepths = [0],
        };
        var executor = _bench.Executor();
        // The key is made of files that are there before the step runs: its first step leaves them.
        async Task<string> RunAsync(string key, string script)
        {
            var steps = ProcessBench.Job(2, repository: mine);
            var alone = steps[0].Worker with { Steps = [.. steps[0].Worker.Steps.Take(1)] };
            await _bench.RunAsync(executor, steps[0] with { Worker = alone }, $"echo {key} > lock");
            var end = await _bench.RunAsync(executor, steps[1], script, cache);
            await executor.Release(steps[0].Worker.JobId, 1, default);
            return end.Status == Status.Success ? _bench.Server.Log : $"{end.Status} ({end.Detail}): {_bench.Server.Log}";
        }

        Assert.Contains("Cache: saved ", await RunAsync("one", "mkdir kept; echo bytes > kept/file"), StringComparison.Ordinal);
        Assert.Contains(
            "Cache: restored 1 of 1 paths.",
            await RunAsync("one", "test \"$(cat kept/file)\" = bytes"),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "restoring the most recent entry of a fallback key",
            await RunAsync("two", "test \"$(cat kept/file)\" = bytes"),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Release_KillsProcessesThatHideFromTheExecutor()
    {
        var spec = ProcessBench.Job()[0];
        var executor = _bench.Executor();
        await _bench.RunAsync(
            executor,
            spec,
            $"env -i setsid sh -c 'echo $$ > {_bench.Root}/hidden.new; mv {_bench.Root}/hidden.new {_bench.Root}/hidden; exec "
                + $"sleep 1000' >/dev/null 2>&1 & while [ ! -e {_bench.Root}/hidden ]; do sleep 0.02; done"
        );
        var pid = int.Parse(await File.ReadAllTextAsync(Path.Combine(_bench.Root, "hidden")), CultureInfo.InvariantCulture);
        Assert.True(Directory.Exists($"/proc/{pid}"));
        await executor.Release(spec.Worker.JobId, 1, default);
        await ProcessBench.WatchAsync(
            () =>
                Task.FromResult(
                    !Directory.Exists($"/proc/{pid}") || File.ReadAllText($"/proc/{pid}/stat").Contains(") Z", StringComparison.Ordinal)
                ),
            "the end of a hidden process"
        );
        Assert.False(Directory.Exists(_bench.Folder(spec)));
    }

    [Fact]
    public void Options_InaccessibleFolderOrExistingUsers_AreRejectedWithTheFix()
    {
        string Failure(ProcessExecutorOptions options) =>
            new ProcessExecutorOptionsValidator(TimeProvider.System).Validate(null, options).FailureMessage ?? "";
        var closed = Directory.CreateDirectory(Path.Combine(_bench.Root, "closed"), WorkerFolder.OwnerOnly).FullName;
        var hidden = Failure(_bench.Settings(jobs: Path.Combine(closed, "work")));
        Assert.Contains("WorkFolder", hidden, StringComparison.Ordinal);
        Assert.Contains($"can't pass through {closed}:", hidden, StringComparison.Ordinal);

        var nobody = _bench.Settings();
        (nobody.FirstUserId, nobody.UserIds) = (65_000, 1000);
        Assert.Contains("'nobody'", Failure(nobody), StringComparison.Ordinal);
        Assert.Equal("", Failure(_bench.Settings()));
    }

    private static async Task<string> Sh(string script)
    {
        var (code, words) = await SystemCommand.RunAsync(["sh", "-ec", script], default);
        Assert.True(code == 0, words);
        return words;
    }
}
