namespace Shipinator.Runner;

/// <summary>Runs git in the workspace, with a timeout for unresponsive hosts.</summary>
internal sealed class Git(
    RunnerSettings settings,
    IReadOnlyDictionary<string, string> environment,
    TimeProvider time,
    CancellationToken cancellation
)
{
    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(2);

    /// <summary>Errors: <see cref="PrepareException"/> with git's output.</summary>
    public async Task RunAsync(params string[] arguments)
    {
        var (code, output) = await TryAsync(arguments);
        if (code != 0)
        {
            throw new PrepareException($"git {arguments[0]} failed with exit code {code}: {output.Trim()}");
        }
    }

    /// <summary>Returns the exit code and all that git printed. Errors: <see cref="PrepareException"/> as for the other overload.</summary>
    public Task<(int Code, string Output)> TryAsync(params string[] arguments) => TryAsync(null, arguments);

    /// <summary>
    /// Returns the exit code and all that git printed. <paramref name="host"/> is the host that an error names when the
    /// output of git names none. Errors: <see cref="PrepareException"/> when git is missing or a host does not respond.
    /// </summary>
    public async Task<(int Code, string Output)> TryAsync(string? host, string[] arguments)
    {
        try
        {
            var timedOut = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using var progress = new GitProgress(settings, host, time, () => timedOut.TrySetResult());
            var child = ChildProcess.Start(["git", .. arguments], environment, settings.Workspace, progress.Write);
            await using var stop = cancellation.Register(() => _ = child.StopAsync(StopGrace, time));
            var exit = child.WaitAsync(time);
            if (await Task.WhenAny(exit, timedOut.Task) != exit)
            {
                await child.StopAsync(StopGrace, time);
            }

            var code = await exit;
            cancellation.ThrowIfCancellationRequested();
            return progress.TimeoutDetail is { } detail
                ? throw new PrepareException($"git {arguments[0]}: {detail}")
                : (code, Shown(progress.Output));
        }
        catch (CommandNotStartedException e)
        {
            throw new PrepareException($"git is required to check out the source: {e.Message}");
        }
    }

    /// <summary>Without the path of the server's copy, which is internal.</summary>
    private string Shown(string output) =>
        settings.SourceFolder is { } copy ? output.Replace(copy, "(the server's copy)", StringComparison.Ordinal) : output;
}
