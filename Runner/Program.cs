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

// The second argument is the execution, so that users can find the process.
if (args is not (["work"] or ["work", _]))
{
    await Console.Error.WriteLineAsync(
        """
        Usage: runner work      Claims an execution, runs it and reports its result.
               runner prepare   Prepares the runner and the workspace for the steps of a pod.
        Executors start it and set SHIPINATOR_URL, SHIPINATOR_EXECUTION_ID, SHIPINATOR_TOKEN or
        SHIPINATOR_TOKEN_FILE, SHIPINATOR_JOB_DIR and others: see docs/runner.md.
        """
    );
    return RunnerExitCodes.Usage;
}

// Before the token is read: a step of the same user must not be able to read it.
Native.DisallowInspection();
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
