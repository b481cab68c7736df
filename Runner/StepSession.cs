using System.Runtime.InteropServices;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>One runner process: an execution, and in a container the later attempts of its step, too.</summary>
internal sealed class StepSession(RunnerSettings first, TimeProvider time)
{
    private static readonly TimeSpan PollPeriod = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(30);

    /// <summary>Returns the process's exit code.</summary>
    public async Task<int> RunAsync()
    {
        using var stop = new CancellationTokenSource();
        using var terminate = PosixSignalRegistration.Create(
            PosixSignal.SIGTERM,
            context =>
            {
                context.Cancel = true;
                stop.Cancel();
            }
        );
        var settings = first;
        if (settings.IsContainer)
        {
            // The command runs in the same container, often as the same user: it must not read the next attempt's token from
            // this memory. Outside of containers each attempt has its own runner.
            Native.DisallowInspection();
        }

        while (true)
        {
            var (code, mayContinue, secret) = await RunOneAsync(settings, stop.Token);
            if (!mayContinue || await NextAsync(settings, secret, stop.Token) is not { } next)
            {
                return code;
            }

            settings = settings with { ExecutionId = next.ExecutionId, Token = next.Token };
        }
    }

    private async Task<(int Code, bool MayContinue, string RunnerSecret)> RunOneAsync(RunnerSettings settings, CancellationToken stop)
    {
        try
        {
            Directory.CreateDirectory(settings.Control, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"runner: {settings.Control} can't be created: {e.Message}");
            return (RunnerExitCodes.Failed, false, "");
        }

        using var files = await ExecutorFiles.TakeAsync(settings);
        if (files is null)
        {
            return (RunnerExitCodes.Duplicate, false, "");
        }

        using var runner = new ExecutionRunner(settings, files, time);
        await using var stopping = stop.Register(runner.RequestCancel);
        var code = await runner.RunAsync();
        var (exitCode, mayContinue) = settings.IsContainer ? ContainerResult(runner, code, stop.IsCancellationRequested) : (code, false);
        return (exitCode, mayContinue, runner.RunnerSecret);
    }

    /// <summary>The container's exit code must agree with the report; without a report it is 0 only when the server said so.</summary>
    private static (int Code, bool MayContinue) ContainerResult(ExecutionRunner runner, int code, bool stopped) =>
        runner.Reported switch
        {
            null => (code == RunnerExitCodes.Done && stopped && !runner.WasToldNotNeeded ? RunnerExitCodes.Stopped : code, false),
            { Status: "success" } => (code, false),
            { Status: "failed" } report => (report.ExitCode is { } own and not 0 ? own : RunnerExitCodes.Failed, !stopped),
            _ => (RunnerExitCodes.Stopped, false),
        };

    /// <summary>The step's next attempt; null when there is none.</summary>
    private async Task<NextResponse?> NextAsync(RunnerSettings settings, string runnerSecret, CancellationToken stop)
    {
        using var http = RunnerClient.CreateHttp(settings.Server, settings.Token);
        var client = new RunnerClient(http, settings.ExecutionId);
        for (var failures = 0; !stop.IsCancellationRequested; )
        {
            try
            {
                using var timeout = CancellationTokenSource.CreateLinkedTokenSource(stop);
                timeout.CancelAfter(RequestTimeout);
                var (outcome, next) = await client.NextAsync(new() { Runner = runnerSecret }, timeout.Token);
                failures = 0;
                if (outcome != ClaimOutcome.NotYet)
                {
                    return next;
                }

                await Task.Delay(PollPeriod, time, stop);
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
            {
                if (!stop.IsCancellationRequested)
                {
                    await Backoff.WaitAsync(++failures, time);
                }
            }
        }

        return null;
    }
}
