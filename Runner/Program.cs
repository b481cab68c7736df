using System.Runtime.InteropServices;
using Shipinator.Runner;

if (args is not ["work"])
{
    await Console.Error.WriteLineAsync("usage: runner work\nStarted by an executor with SHIPINATOR_URL, SHIPINATOR_EXECUTION_ID, SHIPINATOR_TOKEN or SHIPINATOR_TOKEN_FILE, and SHIPINATOR_JOB_DIR.");
    return ExitCodes.Usage;
}

RunnerSettings settings;
try
{
    settings = RunnerSettings.Read();
}
catch (Exception e) when (e is ArgumentException or IOException or UnauthorizedAccessException)
{
    await Console.Error.WriteLineAsync($"runner: {e.Message}");
    return ExitCodes.Usage;
}

Directory.CreateDirectory(settings.Control);
Detach.FromStarter();
// Held for as long as this process lives, by the kernel: whoever wants to know whether it does tries the lock.
using var alive = await Detach.TakeLockAsync(Path.Combine(settings.Control, "runner.lock"));
if (alive is null || File.Exists(Path.Combine(settings.Control, "result.json")))
{
    return ExitCodes.Duplicate;
}

using var worker = new Worker(settings, TimeProvider.System);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
{
    context.Cancel = true;
    worker.RequestStop();
});
return await worker.RunAsync();
