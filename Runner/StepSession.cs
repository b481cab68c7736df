using System.Runtime.InteropServices;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>One runner process: an execution, and in a container the later tries of its step, too.</summary>
internal sealed class StepSession(RunnerSettings first, TimeProvider time)
{
    private static readonly TimeSpan NextPeriod = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(30);

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
            // The command is in the same container and often the same user: it must not read the next try's token from this memory.
            // Outside of containers the executor must be able to look at its runners, and each try has a runner of its own.
            Native.Hide();
        }

        while (true)
        {
            var (code, goesOn, runner) = await RunOneAsync(settings, stop.Token);
            if (!goesOn || await NextAsync(settings, runner, stop.Token) is not { } next)
            {
                return code;
            }

            settings = settings with { ExecutionId = next.ExecutionId, Token = next.Token };
        }
    }

    private async Task<(int Code, bool GoesOn, string Runner)> RunOneAsync(RunnerSettings settings, CancellationToken stop)
    {
        try
        {
            Directory.CreateDirectory(settings.Control, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"runner: {settings.Control} can't be made: {e.Message}");
            return (ExitCodes.Failed, false, "");
        }

        using var files = await ExecutorFiles.TakeAsync(settings);
        if (files is null)
        {
            return (ExitCodes.Duplicate, false, "");
        }

        using var worker = new Worker(settings, files, time);
        await using var stopping = stop.Register(worker.RequestStop);
        var code = await worker.RunAsync();
        var (judged, goesOn) = settings.IsContainer ? Judge(worker, code, stop.IsCancellationRequested) : (code, false);
        return (judged, goesOn, worker.Runner);
    }

    /// <summary>What the pod says must agree with what was reported, and only the server's own word makes idleness a success.</summary>
    private static (int Code, bool GoesOn) Judge(Worker worker, int code, bool stopped) =>
        worker.Reported switch
        {
            null => (code == ExitCodes.Done && stopped && !worker.WasToldNotNeeded ? ExitCodes.Stopped : code, false),
            { Status: "success" } => (code, false),
            { Status: "failed" } report => (report.ExitCode is { } own and not 0 ? own : ExitCodes.Failed, !stopped),
            _ => (ExitCodes.Stopped, false),
        };

    /// <summary>The step's next try; null when there is none.</summary>
    private async Task<NextResponse?> NextAsync(RunnerSettings settings, string runner, CancellationToken stop)
    {
        using var http = RunnerClient.CreateHttp(settings.Server, settings.Token);
        var client = new RunnerClient(http, settings.ExecutionId);
        for (var failures = 0; !stop.IsCancellationRequested; )
        {
            try
            {
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
                patience.CancelAfter(AnswerPatience);
                var (outcome, next) = await client.NextAsync(new() { Runner = runner }, patience.Token);
                failures = 0;
                if (outcome != ClaimOutcome.NotYet)
                {
                    return next;
                }

                await Task.Delay(NextPeriod, time, stop);
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
