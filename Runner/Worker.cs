using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>The runner's whole life: claim, prepare, run, upload, report. A server that is away only delays it.</summary>
internal sealed class Worker : IDisposable
{
    private const int ClaimWaitSeconds = 20;
    private static readonly TimeSpan HeartbeatPeriod = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(30);
    private readonly RunnerSettings _settings;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;
    private readonly RunnerClient _client;
    private readonly string _runner = Guid.CreateVersion7().ToString("N");
    private readonly CancellationTokenSource _cancel = new();

    public Worker(RunnerSettings settings, TimeProvider time)
    {
        _settings = settings;
        _time = time;
        _http = RunnerClient.CreateHttp(settings.Server, settings.Token);
        _client = new(_http, settings.ExecutionId);
    }

    /// <summary>Somebody on this machine, the executor among them, wants it to end.</summary>
    public void RequestStop() => _cancel.Cancel();

    /// <summary>Returns the process's exit code (docs/runner.md).</summary>
    public async Task<int> RunAsync()
    {
        var work = await ClaimAsync();
        if (work is null)
        {
            return _claimRefused ? ExitCodes.Refused : ExitCodes.Done;
        }

        await using var spool = new LogSpool(Path.Combine(_settings.Control, "log"), _client, _time, RequestStop);
        var masker = new Masker(work.Secrets.Values.Append(work.Source?.Password ?? "").Append(_settings.Token), spool.Write);
        using var heartbeats = new CancellationTokenSource();
        var heart = HeartbeatAsync(spool, heartbeats.Token);
        var report = await ExecuteAsync(work, masker);
        masker.Flush();
        await spool.CompleteAsync();
        // The executor can tell a runner that ended from one that vanished.
        await WriteResultAsync(report);
        await ReportAsync(report);
        await heartbeats.CancelAsync();
        await heart;
        return ExitCodes.Done;
    }

    public void Dispose()
    {
        _http.Dispose();
        _cancel.Dispose();
    }

    private bool _claimRefused;

    private async Task<ClaimAnswer?> ClaimAsync()
    {
        var request = new ClaimRequest { Runner = _runner, WaitSeconds = ClaimWaitSeconds };
        for (var failures = 0; !_cancel.IsCancellationRequested;)
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

    private async Task<StatusReport> ExecuteAsync(ClaimAnswer work, Masker masker)
    {
        void Say(string text) => masker.Write(Encoding.UTF8.GetBytes($"[shipinator] {text}\n"));
        var transfers = new Transfers(_client, _settings, Say, _time);
        try
        {
            await Workspace.PrepareAsync(_settings, work.Source, Say, _time, _cancel.Token);
            await transfers.DownloadAsync(work.Inputs, _cancel.Token);
            var report = await RunCommandAsync(work, masker);
            if (report.Status == "success")
            {
                report = report with { Artifacts = await transfers.UploadAsync(work.Outputs, _cancel.Token) };
            }

            if (report.Status != "success")
            {
                Say(report.Detail ?? report.Status);
            }

            return report;
        }
        catch (OperationCanceledException)
        {
            return new() { Status = "canceled", Detail = "It was told to stop." };
        }
        catch (ArtifactMissingException e)
        {
            Say(e.Message);
            return new() { Status = "failed", ExitCode = 0, Reason = "artifact_missing", Detail = e.Message };
        }
        catch (Exception e) when (e is PrepareException or IOException or UnauthorizedAccessException)
        {
            var words = Hide(e.Message, work);
            Say(words);
            return new() { Status = "failed", Reason = "executor_error", Detail = words };
        }
    }

    private async Task<StatusReport> RunCommandAsync(ClaimAnswer work, Masker masker)
    {
        var folder = Path.GetFullPath(work.Workdir ?? ".", _settings.Workspace);
        if (!(folder + "/").StartsWith(_settings.Workspace + "/", StringComparison.Ordinal) || !Directory.Exists(folder))
        {
            return new() { Status = "failed", Reason = "config_error", Detail = $"The step's workdir '{work.Workdir}' is no folder of the workspace." };
        }

        ChildProcess child;
        try
        {
            child = ChildProcess.Start(Command(work), Environment(work), folder, masker.Write);
        }
        catch (CommandNotStartedException e)
        {
            return new() { Status = "failed", ExitCode = e.ExitCode, Reason = "exit_code", Detail = e.Message };
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
            return new() { Status = "canceled", ExitCode = code, Detail = "It was told to stop." };
        }

        if (first != exit)
        {
            return new() { Status = "failed", ExitCode = code, Reason = "timeout", Detail = string.Create(CultureInfo.InvariantCulture, $"The step ran longer than its timeout of {limit.TotalSeconds:0.###} s.") };
        }

        return code == 0
            ? new() { Status = "success", ExitCode = 0 }
            : new()
            {
                Status = "failed",
                ExitCode = code,
                Reason = "exit_code",
                Detail = code > 128 ? $"The command was ended by signal {code - 128} (exit code {code})." : $"The command ended with exit code {code}.",
            };
    }

    private List<string> Command(ClaimAnswer work)
    {
        if (work.Script is null)
        {
            return [.. work.Command!];
        }

        // A file, not an argument: scripts may be longer than a command line may be.
        var script = Path.Combine(_settings.Control, "script");
        File.WriteAllText(script, work.Script);
        return ["/bin/sh", "-e", script];
    }

    /// <summary>A clean base, what the step was given, and its secrets; nothing of the runner's own.</summary>
    private Dictionary<string, string> Environment(ClaimAnswer work)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in new[] { "PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR" })
        {
            if (System.Environment.GetEnvironmentVariable(name) is { } value)
            {
                environment[name] = value;
            }
        }

        environment.TryAdd("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        foreach (var (name, value) in work.Secrets.Concat(work.Env))
        {
            environment[name] = value;
        }

        environment["CI_WORKSPACE"] = _settings.Workspace;
        environment["PWD"] = _settings.Workspace;
        // The mark by which the executor finds whatever the step leaves running, in whatever session.
        environment["SHIPINATOR_EXECUTION_ID"] = _settings.ExecutionId;
        return environment;
    }

    /// <summary>Log appends are signs of life too; this is for the quiet times.</summary>
    private async Task HeartbeatAsync(LogSpool spool, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(HeartbeatPeriod, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                if (_time.GetUtcNow() - spool.LastAnswer < HeartbeatPeriod)
                {
                    continue;
                }

                try
                {
                    using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                    patience.CancelAfter(AnswerPatience);
                    if ((await _client.HeartbeatAsync(new() { Runner = _runner }, patience.Token)).Cancel)
                    {
                        RequestStop();
                    }
                }
                catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
                {
                    // The server is away: the work goes on.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The work is done.
        }
    }

    private async Task ReportAsync(StatusReport report)
    {
        for (var failures = 1; ; failures++)
        {
            try
            {
                using var patience = new CancellationTokenSource(AnswerPatience, _time);
                await _client.ReportAsync(report, patience.Token);
                return;
            }
            catch (HttpRequestException e) when (e.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.NotFound or HttpStatusCode.Gone or HttpStatusCode.UnprocessableEntity)
            {
                await Console.Error.WriteLineAsync($"The server does not take the result: {e.Message}");
                return;
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
            {
                await Backoff.WaitAsync(failures, _time);
            }
        }
    }

    private async Task WriteResultAsync(StatusReport report)
    {
        var file = Path.Combine(_settings.Control, "result.json");
        await File.WriteAllTextAsync(file + ".new", JsonSerializer.Serialize(report, RunnerJson.Default.StatusReport));
        File.Move(file + ".new", file, overwrite: true);
    }

    private static string Hide(string words, ClaimAnswer work) =>
        work.Source?.Password is { Length: >= 4 } password ? words.Replace(password, "********", StringComparison.Ordinal) : words;
}

/// <summary>The runner's exit codes.</summary>
internal static class ExitCodes
{
    /// <summary>Its work is reported, or it was not needed.</summary>
    public const int Done = 0;

    /// <summary>Wrong use: an argument or a variable.</summary>
    public const int Usage = 2;

    /// <summary>The server refused it: another runner has the work, or the token is no good.</summary>
    public const int Refused = 3;

    /// <summary>Another runner process of the same execution is at work on this machine, or was.</summary>
    public const int Duplicate = 4;
}
