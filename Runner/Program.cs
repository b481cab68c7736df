using System.Runtime.InteropServices;
using Shipinator.Client;
using Shipinator.Runner;

if (args is ["prepare"])
{
    using var stop = new CancellationTokenSource();
    using var terminated = PosixSignalRegistration.Create(
        PosixSignal.SIGTERM,
        context =>
        {
            context.Cancel = true;
            stop.Cancel();
        }
    );
    return await Prepare.RunAsync(TimeProvider.System, stop.Token);
}

// The second word is the execution, for whoever looks for the process.
if (args is not (["work"] or ["work", _]))
{
    await Console.Error.WriteLineAsync(
        """
        usage: runner work      claims an execution, runs it, reports it
               runner prepare   puts the runner and the workspace where the steps of a pod find them
        Started by an executor, which sets SHIPINATOR_URL, SHIPINATOR_EXECUTION_ID, SHIPINATOR_TOKEN or
        SHIPINATOR_TOKEN_FILE, SHIPINATOR_JOB_DIR and others: see docs/runner.md.
        """
    );
    return RunnerExitCodes.Usage;
}

// Before the token is read: a step of the same user must not get at it.
Native.Hide();
RunnerSettings settings;
try
{
    settings = RunnerSettings.Read();
}
catch (Exception e) when (e is ArgumentException or IOException or UnauthorizedAccessException)
{
    await Console.Error.WriteLineAsync($"runner: {e.Message}");
    return RunnerExitCodes.Usage;
}

Detach.FromStarter();
return await new StepSession(settings, TimeProvider.System).RunAsync();
