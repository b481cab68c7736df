using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>The runner's whole life: claim, prepare, run, upload, report. A server that is away only delays it.</summary>
internal sealed class Worker : IDisposable
{
    private const int ClaimWaitSeconds = 20;
    private static readonly TimeSpan HeartbeatPeriod = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(30);
    private readonly RunnerSettings _settings;
    private readonly ExecutorFiles _files;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;
    private readonly RunnerClient _client;
    private readonly CancellationTokenSource _cancel = new();

    public Worker(RunnerSettings settings, ExecutorFiles files, TimeProvider time)
    {
        _settings = settings;
        _files = files;
        _time = time;
        _http = RunnerClient.CreateHttp(settings.Server, settings.Token);
        _client = new(_http, settings.ExecutionId);
    }

    /// <summary>Somebody on this machine, the executor among them, wants it to end.</summary>
    public void RequestStop()
    {
        Interlocked.CompareExchange(ref _stopAsked, _time.GetTimestamp(), 0);
        _cancel.Cancel();
    }

    /// <summary>This process's name: who knows it is the one that claimed.</summary>
    public string Runner { get; } = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));

    /// <summary>What it reported; null when it got no work.</summary>
    public StatusReport? Reported { get; private set; }

    /// <summary>Whether the server said that there is nothing to do.</summary>
    public bool WasToldNotNeeded { get; private set; }

    /// <summary>Returns an exit code of the runner's own (docs/runner.md).</summary>
    public async Task<int> RunAsync()
    {
        var work = await ClaimAsync();
        if (work is null)
        {
            return _claimRefused ? ExitCodes.Refused : ExitCodes.Done;
        }

        await using var spool = new LogSpool(Path.Combine(_settings.Control, "log"), _client, _time, RequestStop, work.MaxLogBytes);
        var handed = HandedOn.Read(work, _settings);
        List<string> secrets = [.. work.Secrets.Values, .. handed.Secrets, work.Source?.Password ?? "", _settings.Token, Runner];
        var masker = new Masker(secrets, spool.Write);
        using var heartbeats = new CancellationTokenSource();
        var heart = HeartbeatAsync(spool, heartbeats.Token);
        var report = await ExecuteAsync(work, handed, secrets, masker);
        report = report with { Detail = report.Detail is null ? null : masker.Hide(report.Detail) };
        masker.Flush();
        await spool.CompleteAsync();
        // The executor can tell a runner that ended from one that vanished.
        await WriteResultAsync(report);
        var taken = await ReportAsync(report);
        Reported = report;
        await heartbeats.CancelAsync();
        await heart;
        return taken || !_settings.IsContainer ? ExitCodes.Done : ExitCodes.Refused;
    }

    public void Dispose()
    {
        _http.Dispose();
        _cancel.Dispose();
    }

    private bool _claimRefused;
    private long _stopAsked;

    private async Task<ClaimResponse?> ClaimAsync()
    {
        var request = new ClaimRequest
        {
            Runner = Runner,
            WaitSeconds = ClaimWaitSeconds,
            JobId = _settings.JobId,
            Prepared = _settings.IsContainer,
        };
        for (var failures = 0; !_cancel.IsCancellationRequested; )
        {
            try
            {
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(_cancel.Token);
                patience.CancelAfter(TimeSpan.FromSeconds(ClaimWaitSeconds + 20));
                var (outcome, work) = await _client.ClaimAsync(request, patience.Token);
                failures = 0;
                if (outcome != ClaimOutcome.NotYet)
                {
                    _claimRefused = outcome == ClaimOutcome.Refused;
                    WasToldNotNeeded = outcome == ClaimOutcome.NotNeeded;
                    return work;
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
            {
                await Backoff.WaitAsync(++failures, _time);
            }
        }

        return null;
    }

    private async Task<StatusReport> ExecuteAsync(ClaimResponse work, HandedOn handed, List<string> secrets, Masker masker)
    {
        var transfers = new Transfers(_client, _settings, masker.Say, _time);
        try
        {
            if (handed.Problem is { } problem)
            {
                throw new StepMistakeException(problem);
            }

            var source = work.Source is { } given && _settings.SourceFolder is { } copy ? given with { CloneUrl = copy } : work.Source;
            await Workspace.PrepareAsync(_settings, source, masker.Say, _time, _cancel.Token);
            await transfers.DownloadAsync(work.Inputs, _cancel.Token);
            var cache = Cache.Of(work, _settings, masker.Say, _time);
            cache?.Restore();
            HandedOn.Prepare(_settings);
            var report = HandOn(work, secrets, await RunCommandAsync(work, handed, masker), masker.Say);
            report = await KeepOutputsAsync(work, masker, report);
            if (report.Status == "success")
            {
                cache?.Save(_cancel.Token);
            }
            else
            {
                masker.Say(report.Detail ?? report.Status);
            }

            return report;
        }
        catch (OperationCanceledException)
        {
            return new() { Status = "canceled", Detail = "It was told to stop." };
        }
        catch (StepMistakeException e)
        {
            masker.Say(e.Message);
            return new()
            {
                Status = "failed",
                Reason = "config_error",
                Detail = e.Message,
            };
        }
        catch (Exception e) when (e is PrepareException or IOException or UnauthorizedAccessException)
        {
            masker.Say(e.Message);
            return new()
            {
                Status = "failed",
                Reason = "executor_error",
                Detail = e.Message,
            };
        }
    }

    /// <summary>Reports and coverage are kept whatever the result; after a stop or a timeout as far as the grace period goes.</summary>
    private async Task<StatusReport> KeepOutputsAsync(ClaimResponse work, Masker masker, StatusReport report)
    {
        var succeeded = report.Status == "success";
        if (!succeeded && work.Outputs.All(o => o.When is not ("failure" or "always")))
        {
            return report;
        }

        var grace = TimeSpan.FromSeconds(work.GraceSeconds);
        using var limit = new CancellationTokenSource(
            succeeded || report.Reason == "exit_code" ? Timeout.InfiniteTimeSpan
                : report.Status == "canceled"
                    ? grace - _time.GetElapsedTime(_stopAsked) is var left && left > TimeSpan.Zero ? left
                        : TimeSpan.Zero
                : grace,
            _time
        );
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(
            limit.Token,
            report.Status == "canceled" ? CancellationToken.None : _cancel.Token
        );
        try
        {
            var kept = await new Outputs(_client, _settings, masker, _time).KeepAsync(work.Outputs, succeeded, patience.Token);
            return kept.Reason is null
                ? report with
                {
                    Artifacts = kept.Ids,
                }
                : report with
                {
                    Status = "failed",
                    Reason = kept.Reason,
                    Detail = kept.Detail,
                    Artifacts = kept.Ids,
                };
        }
        catch (Exception e)
            when (!succeeded && e is OperationCanceledException or PrepareException or IOException or UnauthorizedAccessException)
        {
            // The step's own end is what is told.
            masker.Say(
                e is OperationCanceledException ? "There was no time to keep all outputs." : $"Not all outputs could be kept: {e.Message}"
            );
            return report;
        }
    }

    /// <summary>What the step left for later ones; also of one that failed, after which steps may run.</summary>
    private StatusReport HandOn(ClaimResponse work, List<string> secrets, StatusReport report, Action<string> say)
    {
        try
        {
            if (report.Status != "canceled")
            {
                HandedOn.Publish(work, _settings, secrets);
            }

            return report;
        }
        catch (StepMistakeException e) when (report.Status != "success")
        {
            say(e.Message);
            return report;
        }
    }

    private async Task<StatusReport> RunCommandAsync(ClaimResponse work, HandedOn handed, Masker masker)
    {
        var folder = WorkspacePaths.Inside(_settings.Workspace, work.Workdir ?? ".");
        if (folder is null || !Directory.Exists(folder))
        {
            return new()
            {
                Status = "failed",
                Reason = "config_error",
                Detail = $"The step's workdir '{work.Workdir}' is no folder of the workspace.",
            };
        }

        var memory = OutOfMemory.OfThisContainer();
        ChildProcess child;
        try
        {
            var environment = StepEnvironment.Of(work, _settings, folder, handed);
            child = ChildProcess.Start(StepCommand.Of(work, _settings, environment, handed), environment, folder, masker.Write);
        }
        catch (CommandTooLongException e)
        {
            return new()
            {
                Status = "failed",
                Reason = "config_error",
                Detail = e.Message,
            };
        }
        catch (CommandNotStartedException e)
        {
            return new()
            {
                Status = "failed",
                ExitCode = e.ExitCode,
                Reason = "exit_code",
                Detail = e.Message,
            };
        }

        var limit = TimeSpan.FromSeconds(work.TimeoutSeconds);
        var exit = child.WaitAsync(_time);
        using var over = new CancellationTokenSource();
        var stopped = Task.Delay(Timeout.InfiniteTimeSpan, _time, _cancel.Token);
        var first = await Task.WhenAny(exit, stopped, Task.Delay(limit, _time, over.Token));
        var canceled = first == stopped;
        if (first != exit)
        {
            await child.StopAsync(TimeSpan.FromSeconds(work.GraceSeconds), _time);
        }

        await over.CancelAsync();
        var code = await exit;
        if (canceled)
        {
            return new()
            {
                Status = "canceled",
                ExitCode = code,
                Detail = "It was told to stop.",
            };
        }

        if (first != exit)
        {
            return new()
            {
                Status = "failed",
                ExitCode = code,
                Reason = "timeout",
                Detail = string.Create(
                    CultureInfo.InvariantCulture,
                    $"The step ran longer than its timeout of {limit.TotalSeconds:0.###} s."
                ),
            };
        }

        if (memory.Killed(code))
        {
            return new()
            {
                Status = "failed",
                ExitCode = code,
                Reason = "oom_killed",
                Detail =
                    "The command was killed because it needed more memory than its container may have: raise the step's resources.memory.",
            };
        }

        return code == 0
            ? new() { Status = "success", ExitCode = 0 }
            : new()
            {
                Status = "failed",
                ExitCode = code,
                Reason = "exit_code",
                Detail =
                    code > 128
                        ? $"The command was ended by signal {code - 128} (exit code {code})."
                        : $"The command ended with exit code {code}.",
            };
    }

    /// <summary>Log appends are signs of life too; this is for the quiet times.</summary>
    private async Task HeartbeatAsync(LogSpool spool, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(HeartbeatPeriod, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                if (spool.SinceAnswer < HeartbeatPeriod)
                {
                    continue;
                }

                try
                {
                    using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                    patience.CancelAfter(AnswerPatience);
                    if ((await _client.HeartbeatAsync(new() { Runner = Runner }, patience.Token)).Cancel)
                    {
                        RequestStop();
                    }
                }
                catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
                {
                    // The server is away, or something before it answers in its place: the work goes on, and so do the heartbeats.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The work is done.
        }
    }

    /// <summary>False when the server does not take the result.</summary>
    private async Task<bool> ReportAsync(StatusReport report)
    {
        for (var failures = 1; ; failures++)
        {
            try
            {
                using var patience = new CancellationTokenSource(AnswerPatience, _time);
                await _client.ReportAsync(report, patience.Token);
                return true;
            }
            catch (HttpRequestException e)
                when (e.StatusCode
                        is HttpStatusCode.BadRequest
                            or HttpStatusCode.Unauthorized
                            or HttpStatusCode.Forbidden
                            or HttpStatusCode.NotFound
                            or HttpStatusCode.Gone
                            or HttpStatusCode.UnprocessableEntity
                )
            {
                await Console.Error.WriteLineAsync($"The server does not take the result: {e.Message}");
                return false;
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
            {
                await Backoff.WaitAsync(failures, _time);
            }
        }
    }

    private async Task WriteResultAsync(StatusReport report)
    {
        try
        {
            await _files.WriteResultAsync(report);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The disk is full, or the step took its folder away: the report itself goes over the network.
            await Console.Error.WriteLineAsync($"runner: the result can't be written down: {e.Message}");
        }
    }
}
