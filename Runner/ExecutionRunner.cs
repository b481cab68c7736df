using System.Net;
using System.Security.Cryptography;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>One execution from claim to report: claim, prepare, run, upload, report. An unreachable server only delays it.</summary>
internal sealed class ExecutionRunner : IDisposable
{
    private const int ClaimWaitSeconds = 20;
    private static readonly TimeSpan HeartbeatPeriod = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(30);
    private readonly RunnerSettings _settings;
    private readonly ExecutorFiles _files;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;
    private readonly RunnerClient _client;
    private readonly CancellationTokenSource _cancel = new();

    public ExecutionRunner(RunnerSettings settings, ExecutorFiles files, TimeProvider time)
    {
        _settings = settings;
        _files = files;
        _time = time;
        _http = RunnerClient.CreateHttp(settings.Server, settings.Token);
        _client = new(_http, settings.ExecutionId);
    }

    /// <summary>Cancels the execution: the server asked for it, or the executor sent SIGTERM.</summary>
    public void RequestCancel()
    {
        Interlocked.CompareExchange(ref _cancelRequestedAt, _time.GetTimestamp(), 0);
        _cancel.Cancel();
    }

    /// <summary>A secret of this process, which proves to the server that it claimed the execution.</summary>
    public string RunnerSecret { get; } = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));

    /// <summary>The report that was sent; null when there was no work.</summary>
    public StatusReport? Reported { get; private set; }

    /// <summary>Whether the server said that the execution is not needed.</summary>
    public bool WasToldNotNeeded { get; private set; }

    /// <summary>Returns one of <see cref="RunnerExitCodes"/>.</summary>
    public async Task<int> RunAsync()
    {
        var work = await ClaimAsync();
        if (work is null)
        {
            return _claimRefused ? RunnerExitCodes.Refused : RunnerExitCodes.Done;
        }

        await using var spool = new LogSpool(Path.Combine(_settings.Control, "log"), _client, _time, RequestCancel, work.MaxLogBytes);
        var exports = StepExports.Read(work, _settings);
        List<string> secrets = [.. work.Secrets.Values, .. exports.Secrets, work.Source?.Password ?? "", _settings.Token, RunnerSecret];
        var masker = new Masker(secrets, spool.Write, () => spool.IsDropping);
        using var heartbeats = new CancellationTokenSource();
        var heartbeat = HeartbeatAsync(spool, heartbeats.Token);
        var report = await ExecuteAsync(work, exports, secrets, masker);
        report = report with { Detail = report.Detail is null ? null : masker.Mask(report.Detail) };
        masker.Flush();
        await spool.CompleteAsync();
        // It lets the executor distinguish a runner that ended from one that crashed.
        await WriteResultAsync(report);
        var accepted = await ReportAsync(report);
        Reported = report;
        await heartbeats.CancelAsync();
        await heartbeat;
        return accepted || !_settings.IsContainer ? RunnerExitCodes.Done : RunnerExitCodes.Refused;
    }

    public void Dispose()
    {
        _http.Dispose();
        _cancel.Dispose();
    }

    private bool _claimRefused;
    private long _cancelRequestedAt;

    private async Task<ClaimResponse?> ClaimAsync()
    {
        var request = new ClaimRequest
        {
            Runner = RunnerSecret,
            WaitSeconds = ClaimWaitSeconds,
            JobId = _settings.JobId,
            Prepared = _settings.IsContainer,
        };
        for (var failures = 0; !_cancel.IsCancellationRequested; )
        {
            try
            {
                using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_cancel.Token);
                timeout.CancelAfter(TimeSpan.FromSeconds(ClaimWaitSeconds + 20));
                var (outcome, work) = await _client.ClaimAsync(request, timeout.Token);
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

    private async Task<StatusReport> ExecuteAsync(ClaimResponse work, StepExports exports, List<string> secrets, Masker masker)
    {
        var inputs = new InputDownloader(_client, _settings, masker.WriteLine, _time);
        try
        {
            if (exports.Problem is { } problem)
            {
                throw new StepConfigException(problem);
            }

            await Workspace.PrepareAsync(_settings, work.Source, masker.WriteLine, _time, _cancel.Token);
            await inputs.DownloadAsync(work.Inputs, _cancel.Token);
            var cache = Cache.Of(work, _settings, masker.WriteLine, _time);
            cache?.Restore();
            StepExports.Prepare(_settings);
            var report = await new CommandRunner(work, _settings, exports, _time).RunAsync(masker.Write, _cancel.Token);
            report = PublishExports(work, exports, secrets, report, masker.WriteLine);
            report = await KeepOutputsAsync(work, masker, report);
            if (report.Status == "success")
            {
                cache?.Save(_cancel.Token);
            }
            else
            {
                masker.WriteLine(report.Detail ?? report.Status);
            }

            return report;
        }
        catch (OperationCanceledException)
        {
            return new() { Status = "canceled", Detail = CommandRunner.Canceled };
        }
        catch (StepConfigException e)
        {
            masker.WriteLine(e.Message);
            return new()
            {
                Status = "failed",
                Reason = RunnerReasons.ConfigError,
                Detail = e.Message,
            };
        }
        catch (Exception e) when (e is PrepareException or IOException or UnauthorizedAccessException)
        {
            masker.WriteLine(e.Message);
            return new()
            {
                Status = "failed",
                Reason = RunnerReasons.ExecutorError,
                Detail = e.Message,
            };
        }
    }

    /// <summary>Test reports and coverage are uploaded for any result; after a cancel or a timeout only within the grace period.</summary>
    private async Task<StatusReport> KeepOutputsAsync(ClaimResponse work, Masker masker, StatusReport report)
    {
        var succeeded = report.Status == "success";
        if (!succeeded && work.Outputs.All(o => o.When is not ("failure" or "always")))
        {
            return report;
        }

        var grace = TimeSpan.FromSeconds(work.GraceSeconds);
        using var limit = new CancellationTokenSource(
            succeeded || report.Reason == RunnerReasons.ExitCode ? Timeout.InfiniteTimeSpan
                : report.Status == "canceled"
                    ? grace - _time.GetElapsedTime(_cancelRequestedAt) is var left && left > TimeSpan.Zero ? left
                        : TimeSpan.Zero
                : grace,
            _time
        );
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(
            limit.Token,
            report.Status == "canceled" ? CancellationToken.None : _cancel.Token
        );
        try
        {
            var kept = await new OutputUploader(_client, _settings, masker, _time).KeepAsync(work.Outputs, succeeded, timeout.Token);
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
            // The step's own result is what is reported.
            masker.WriteLine(
                e is OperationCanceledException
                    ? "The grace period ended before all outputs were uploaded."
                    : $"Not all outputs could be uploaded: {e.Message}"
            );
            return report;
        }
    }

    /// <summary>Also after a failure, after which steps may still run.</summary>
    private StatusReport PublishExports(
        ClaimResponse work,
        StepExports exports,
        List<string> secrets,
        StatusReport report,
        Action<string> log
    )
    {
        try
        {
            if (report.Status != "canceled")
            {
                StepExports.Publish(work, _settings, exports, secrets);
            }

            return report;
        }
        catch (StepConfigException e) when (report.Status != "success")
        {
            log(e.Message);
            return report;
        }
    }

    /// <summary>Log appends count as heartbeats; this is for steps that print nothing.</summary>
    private async Task HeartbeatAsync(LogSpool spool, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(HeartbeatPeriod, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                if (spool.SinceLastResponse < HeartbeatPeriod)
                {
                    continue;
                }

                try
                {
                    using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                    timeout.CancelAfter(RequestTimeout);
                    if ((await _client.HeartbeatAsync(new() { Runner = RunnerSecret }, timeout.Token)).Cancel)
                    {
                        RequestCancel();
                    }
                }
                catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
                {
                    // The server is unreachable, or a proxy responds in its place: the command continues, and so do the heartbeats.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The execution ended.
        }
    }

    /// <summary>Returns false when the server rejects the report for good.</summary>
    private async Task<bool> ReportAsync(StatusReport report)
    {
        for (var failures = 1; ; failures++)
        {
            try
            {
                using var timeout = new CancellationTokenSource(RequestTimeout, _time);
                await _client.ReportAsync(report, timeout.Token);
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
                await Console.Error.WriteLineAsync($"runner: the server rejected the result: {e.Message}");
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
            // The disk is full, or the step removed the folder; the report is sent to the server in any case.
            await Console.Error.WriteLineAsync($"runner: the result can't be written to disk: {e.Message}");
        }
    }
}
