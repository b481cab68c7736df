using System.Globalization;
using System.Text;
using Shipinator.Client;

namespace Shipinator.KubernetesBattery;

/// <summary>
/// One case: the expected result, and how to get the actual one. <see cref="Alone"/>: it affects the namespace of all cases.
/// </summary>
internal sealed record Case(string Name, string Expected, Func<CaseContext, Task<string>> Find, bool Alone = false);

/// <summary>The actual result of a case, and how long it took.</summary>
internal sealed record CaseResult(Case Case, string Found, string Note, TimeSpan Took)
{
    public bool IsSkipped => Found.StartsWith("skipped", StringComparison.Ordinal);

    public bool IsAsExpected => IsSkipped || Found == Case.Expected;
}

/// <summary>What a case uses: a branch of its own, the server, the cluster.</summary>
internal sealed class CaseContext(Settings settings, Cluster cluster, Server server, GitServer git, string pipeline, string branch)
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(180);
    private static readonly TimeSpan Prompt = TimeSpan.FromSeconds(3);

    public Settings Settings => settings;

    public Cluster Cluster => cluster;

    public GitServer Git => git;

    public ShipinatorClient Api => server.Api;

    /// <summary>The server's address on this machine.</summary>
    public Uri Server => server.Here;

    /// <summary>Kills the server without warning and starts it again.</summary>
    public Task KillServerAsync() => server.KillAndStartAsync();

    /// <summary>A detail for the table, beside the result.</summary>
    public string Note { get; set; } = "";

    /// <summary>Commits the file to the case's branch and starts a run of it.</summary>
    public async Task<string> StartAsync(string file)
    {
        await git.CommitAsync("battery", branch, file);
        return (await Api.CreateRunAsync(pipeline, new() { GitRef = branch })).Id;
    }

    public async Task<JobResponse> EndAsync(string run)
    {
        await Until.TrueAsync(async () => (await Api.GetRunAsync(run)).FinishedAt is not null, Patience, "the run's end");
        var jobs = (await Api.GetJobsAsync(run)).Jobs;
        var job = jobs.FirstOrDefault(j => j.Status != "success") ?? jobs[^1];
        if (job.Detail is { } detail && Note.Length == 0)
        {
            Note = detail;
        }

        return job;
    }

    /// <summary>The result in the form <c>failed exit_code</c>.</summary>
    public async Task<string> OutcomeAsync(string run)
    {
        var job = await EndAsync(run);
        return $"{job.Status} {job.Reason}".TrimEnd();
    }

    /// <summary>Waits until some <c>waiting_for</c> of the run meets the condition, and returns it.</summary>
    public async Task<string> WaitsForAsync(string run, Func<string, bool> condition, string what)
    {
        var found = "";
        await Until.TrueAsync(
            async () =>
            {
                var words = (await Api.GetJobsAsync(run))
                    .Jobs.SelectMany(j => j.Steps)
                    .SelectMany(s => s.Executions.Select(e => e.WaitingFor).Append(s.WaitingFor))
                    .OfType<string>();
                found = words.FirstOrDefault(condition) ?? "";
                return found.Length > 0;
            },
            TimeSpan.FromSeconds(60),
            what
        );
        return found;
    }

    /// <summary>
    /// The same, and whether it is shown within three seconds of the cluster's own report. Both are polled in parallel, every 300 ms.
    /// </summary>
    public async Task<string> PromptlyAsync(string run, string words, string what, Func<Task<string>> ask, params string[] reasons)
    {
        long cluster = 0,
            ours = 0;
        var seen = Until
            .TrueAsync(
                async () => (await ask()) is var said && reasons.Any(r => said.Contains(r, StringComparison.Ordinal)),
                TimeSpan.FromSeconds(60),
                $"the cluster to report {reasons[0]}"
            )
            .ContinueWith(
                t => cluster = t.IsCompletedSuccessfully ? TimeProvider.System.GetTimestamp() : throw t.Exception!.InnerException!,
                TaskScheduler.Default
            );
        Note = await WaitsForAsync(run, w => w.Contains(words, StringComparison.OrdinalIgnoreCase), what);
        ours = TimeProvider.System.GetTimestamp();
        await seen;
        var late = ours < cluster ? TimeSpan.Zero : TimeProvider.System.GetElapsedTime(cluster, ours);
        return late <= Prompt
            ? "reported immediately"
            : string.Create(CultureInfo.InvariantCulture, $"reported {late.TotalSeconds:0.0} s later");
    }

    public Task RunningAsync(string run) =>
        Until.TrueAsync(
            async () =>
                (await Api.GetJobsAsync(run)).Jobs.SelectMany(j => j.Steps).SelectMany(s => s.Executions).Any(e => e.Status == "running"),
            Patience,
            "a step to run"
        );

    /// <summary>Waits until some step's log contains a text.</summary>
    public Task SaidAsync(string run, string text) =>
        Until.TrueAsync(
            async () =>
                (await Api.GetJobsAsync(run)).Jobs is var jobs
                && (await Task.WhenAll(jobs.Select(LogAsync))).Any(l => l.Contains(text, StringComparison.Ordinal)),
            Patience,
            $"'{text.Trim()}' in a step's log"
        );

    /// <summary>Deletes the run's only Job, with <c>--cascade</c>.</summary>
    public async Task DeleteJobAsync(string run, string cascade) =>
        await cluster.AsyncIn("delete", "job", (await cluster.NamesAsync("jobs", run)).Single(), $"--cascade={cascade}", "--wait=false");

    public async Task<string> PodAsync(string run)
    {
        var pods = Array.Empty<string>();
        await Until.TrueAsync(async () => (pods = await cluster.NamesAsync("pods", run)).Length > 0, Patience, "a pod");
        return pods[0];
    }

    /// <summary>Waits until nothing of the run is left in the cluster.</summary>
    public Task GoneAsync(string run) =>
        Until.TrueAsync(
            async () => (await cluster.NamesAsync("jobs", run)).Length == 0 && (await cluster.NamesAsync("pods", run)).Length == 0,
            TimeSpan.FromSeconds(90),
            "Job and pod to be gone"
        );

    public async Task<string> LogAsync(JobResponse job)
    {
        var text = new StringBuilder();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Until.Stopping);
        limit.CancelAfter(Patience);
        foreach (var execution in job.Steps.SelectMany(s => s.Executions))
        {
            await foreach (var bytes in Api.ReadLogAsync(execution.Id, cancellationToken: limit.Token))
            {
                text.Append(Encoding.UTF8.GetString(bytes.Span));
            }
        }

        return text.ToString();
    }

    /// <summary>A pipeline file with one job of one step; infrastructure retries are off unless a case enables them.</summary>
    public string File(string script, string extra = "", string? image = null, string retry = "{ max: 1, on: [timeout] }") =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"""
            image: "{image ?? settings.StepImage}"
            build:
              steps:
                - name: step
                  retry: {retry}
                  run: |
                    {script.Replace("\n", "\n        ", StringComparison.Ordinal)}
            {(extra.Length == 0 ? "" : "      " + extra)}
            """
        );
}
