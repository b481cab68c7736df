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
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            stop.Cancel();
        });
        var settings = first;
        while (true)
        {
            var (code, goesOn) = await RunOneAsync(settings, stop.Token);
            if (!goesOn || await NextAsync(settings, stop.Token) is not { } next)
            {
                return code;
            }

            settings = settings with { ExecutionId = next.ExecutionId, Token = next.Token };
        }
    }

    private async Task<(int Code, bool GoesOn)> RunOneAsync(RunnerSettings settings, CancellationToken stop)
    {
        try
        {
            Directory.CreateDirectory(settings.Control, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"runner: {settings.Control} can't be made: {e.Message}");
            return (ExitCodes.Failed, false);
        }

        using var files = await ExecutorFiles.TakeAsync(settings);
        if (files is null)
        {
            return (ExitCodes.Duplicate, false);
        }

        using var worker = new Worker(settings, files, time);
        await using var stopping = stop.Register(worker.RequestStop);
        var code = await worker.RunAsync();
        return settings.IsContainer ? Judge(worker, code, stop.IsCancellationRequested) : (code, false);
    }

    /// <summary>What the pod says must agree with what was reported, and only the server's own word makes idleness a success.</summary>
    private static (int Code, bool GoesOn) Judge(Worker worker, int code, bool stopped) => worker.Reported switch
    {
        null => (code == ExitCodes.Done && stopped && !worker.WasToldNotNeeded ? ExitCodes.Stopped : code, false),
        { Status: "success" } => (code, false),
        { Status: "failed" } report => (report.ExitCode is { } own and not 0 ? own : ExitCodes.Failed, !stopped),
        _ => (ExitCodes.Stopped, false),
    };

    /// <summary>The step's next try; null when there is none.</summary>
    private async Task<NextAnswer?> NextAsync(RunnerSettings settings, CancellationToken stop)
    {
        using var http = RunnerClient.CreateHttp(settings.Server, settings.Token);
        var client = new RunnerClient(http, settings.ExecutionId);
        for (var failures = 0; !stop.IsCancellationRequested;)
        {
            try
            {
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
                patience.CancelAfter(AnswerPatience);
                var (outcome, next) = await client.NextAsync(patience.Token);
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
