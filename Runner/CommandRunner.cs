using System.Globalization;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>Runs a step's command in the prepared workspace, within its timeout.</summary>
internal sealed class CommandRunner(ClaimResponse work, RunnerSettings settings, StepExports exports, TimeProvider time)
{
    /// <summary>The detail of a canceled execution.</summary>
    public const string Canceled = "The execution was canceled.";

    /// <summary>Returns success or the failure; after a cancel, SIGTERM and the grace period end the command.</summary>
    public async Task<StatusReport> RunAsync(Action<ReadOnlyMemory<byte>> output, CancellationToken cancellation)
    {
        var folder = WorkspacePaths.Inside(settings.Workspace, work.Workdir ?? ".");
        if (folder is null || !Directory.Exists(folder))
        {
            return new()
            {
                Status = "failed",
                Reason = RunnerReasons.ConfigError,
                Detail = $"The step's workdir '{work.Workdir}' is not a folder of the workspace.",
            };
        }

        var memory = OomKills.OfThisContainer();
        ChildProcess child;
        try
        {
            var environment = StepEnvironment.Of(work, settings, folder, exports);
            child = ChildProcess.Start(StepCommand.Of(work, settings, environment, exports), environment, folder, output);
        }
        catch (CommandTooLongException e)
        {
            return new()
            {
                Status = "failed",
                Reason = RunnerReasons.ConfigError,
                Detail = e.Message,
            };
        }
        catch (CommandNotStartedException e)
        {
            return new()
            {
                Status = "failed",
                ExitCode = e.ExitCode,
                Reason = RunnerReasons.ExitCode,
                Detail = e.Message,
            };
        }

        var limit = TimeSpan.FromSeconds(work.TimeoutSeconds);
        var exit = child.WaitAsync(time);
        using var ended = new CancellationTokenSource();
        var cancelRequested = Task.Delay(Timeout.InfiniteTimeSpan, time, cancellation);
        var first = await Task.WhenAny(exit, cancelRequested, Task.Delay(limit, time, ended.Token));
        var canceled = first == cancelRequested;
        if (first != exit)
        {
            await child.StopAsync(TimeSpan.FromSeconds(work.GraceSeconds), time);
        }

        await ended.CancelAsync();
        var code = await exit;
        if (canceled)
        {
            return new()
            {
                Status = "canceled",
                ExitCode = code,
                Detail = Canceled,
            };
        }

        if (first != exit)
        {
            return new()
            {
                Status = "failed",
                ExitCode = code,
                Reason = RunnerReasons.Timeout,
                Detail = string.Create(CultureInfo.InvariantCulture, $"The step exceeded its timeout of {limit.TotalSeconds:0.###} s."),
            };
        }

        if (memory.Killed(code))
        {
            return new()
            {
                Status = "failed",
                ExitCode = code,
                Reason = RunnerReasons.OomKilled,
                Detail = "The command was killed because its container ran out of memory: raise the step's resources.memory.",
            };
        }

        return code == 0
            ? new() { Status = "success", ExitCode = 0 }
            : new()
            {
                Status = "failed",
                ExitCode = code,
                Reason = RunnerReasons.ExitCode,
                Detail =
                    code > 128
                        ? $"The command was terminated by signal {code - 128} (exit code {code})."
                        : $"The command exited with code {code}.",
            };
    }
}
