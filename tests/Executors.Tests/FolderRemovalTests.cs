using Microsoft.Extensions.Logging;
using Shipinator.Executors.Process;

namespace Shipinator.Executors.Tests;

/// <summary>Workspaces of any content go when their job is over; what can't go is told once and tried again later.</summary>
public sealed class RemovalTests : IAsyncLifetime
{
    private ProcessBench _bench = null!;

    public async ValueTask InitializeAsync() => _bench = await ProcessBench.StartAsync();

    public async ValueTask DisposeAsync() => await _bench.DisposeAsync();

    [Theory]
    [InlineData("printf x > \"$(printf 'name-\\377\\376')\"; mkdir \"$(printf 'folder-\\200')\"; touch \"$(printf 'folder-\\200/in')\"")]
    [InlineData("perl -e 'for (1..10000) { mkdir \"deep\" or die; chdir \"deep\" or die }'")]
    [InlineData("mkdir -p a/b/c; touch a/b/c/f; chmod 0000 a/b/c a/b a; chmod 0 .")]
    [InlineData("ln -s /etc to-etc; ln -s . loop; mkfifo pipe; printf x > \"$(printf 'new\\nline')\"; printf x > ' '; printf x > -rf")]
    public async Task Release_WorkspaceWithAnyContent_LeavesNothing(string script)
    {
        foreach (var asServer in (bool[])[false, true])
        {
            var spec = ProcessBench.Job()[0];
            var executor = _bench.Executor(asServer);
            var end = await _bench.RunAsync(executor, spec, script);
            Assert.True(end.Status == Status.Success, _bench.Server.Log);
            await executor.Release(spec.Worker.JobId, 1, default);
            Assert.False(Directory.Exists(_bench.Folder(spec)));
            Assert.Empty(executor.FindWorkers());
            Assert.True(Directory.Exists("/etc"));
        }
    }

    [Fact]
    public async Task Remove_AsAUserOtherThanRoot_RemovesInaccessibleFolders()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Needs root to become another.");
        var folder = Path.Combine(_bench.Root, "closed");
        string[] make = ["sh", "-c", $"mkdir -p {folder}/a/b; touch {folder}/a/b/f; chmod 0 {folder}/a/b {folder}/a {folder}"];
        // What the executor runs when the server is not root, as that user.
        foreach (var command in FolderRemoval.Commands(folder, isRoot: false).Prepend(make))
        {
            var (code, words) = await SystemCommand.RunAsync([.. StepUsers.Prefix(399_999), .. command], default);
            Assert.True(code == 0, words);
        }

        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public async Task Release_FolderThatCantBeRemoved_LogsOnceAndTheSweepRetries()
    {
        var spec = ProcessBench.Job()[0];
        var log = new Recorder();
        var executor = _bench.Executor(logger: log);
        await _bench.RunAsync(executor, spec, "mkdir mount; touch beside");
        var mount = Path.Combine(_bench.Folder(spec), "workspace", "mount");
        Assert.SkipUnless(
            (await SystemCommand.RunAsync(["mount", "-t", "tmpfs", "none", mount], default)).Code == 0,
            "Nothing can be mounted here."
        );
        try
        {
            await File.WriteAllTextAsync(Path.Combine(mount, "somebody's"), "");
            await executor.Release(spec.Worker.JobId, 1, default);
            await executor.Release(spec.Worker.JobId, 1, default);
            await executor.Tidy(default);
            Assert.Empty(executor.FindWorkers());
            Assert.Single(log.Warnings);
            Assert.True(File.Exists(Path.Combine(mount, "somebody's")), "What is mounted is not the job's.");
        }
        finally
        {
            await SystemCommand.RunAsync(["umount", mount], default);
        }

        await executor.Tidy(default);
        Assert.False(Directory.Exists(_bench.Folder(spec)));
        Assert.Empty(executor.FindWorkers());
    }

    private sealed class Recorder : ILogger<ProcessExecutor>
    {
        public List<string> Warnings { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        ) => Warnings.Add(formatter(state, exception));
    }
}
