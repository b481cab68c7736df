using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using static Shipinator.KubernetesBattery.Battery;

namespace Shipinator.KubernetesBattery;

/// <summary>What others in the cluster do to Shipinator's pods and Jobs.</summary>
internal static class Disruptions
{
    public static IReadOnlyList<Case> Cases { get; } =
    [
        new(
            "pod deleted",
            "failed lost",
            c =>
                DisruptAsync(
                    c,
                    async r => await c.Cluster.AsyncIn("delete", "pod", await c.PodAsync(r), "--wait=false", "--grace-period=1")
                )
        ),
        new(
            "pod deleted by force",
            "failed lost",
            c => DisruptAsync(c, async r => await c.Cluster.AsyncIn("delete", "pod", await c.PodAsync(r), "--force", "--grace-period=0"))
        ),
        new("pod evicted", "failed evicted", c => DisruptAsync(c, async r => await c.Cluster.EvictAsync(await c.PodAsync(r)))),
        new(
            "pod evicted before it started",
            "failed evicted",
            async c =>
            {
                var run = await c.StartAsync(c.File("true", image: MissingImage));
                await c.WaitsForAsync(run, w => w.Contains(MissingImage, StringComparison.Ordinal), "waiting_for to name the image");
                await c.Cluster.EvictAsync(await c.PodAsync(run));
                return await c.OutcomeAsync(run);
            }
        ),
        new("Job deleted", "failed lost", c => DisruptAsync(c, r => c.DeleteJobAsync(r, "background"))),
        new(
            "Job deleted, its pod left",
            "success, nothing left",
            async c =>
            {
                var run = await c.StartAsync(c.File("echo begun; sleep 8"));
                await c.SaidAsync(run, "begun");
                await c.DeleteJobAsync(run, "orphan");
                var found = await c.OutcomeAsync(run);
                await c.GoneAsync(run);
                return $"{found}, nothing left";
            }
        ),
        new(
            "infrastructure retry in a new pod",
            "success, attempt 2, both logs",
            async c =>
            {
                var run = await c.StartAsync(c.File("test ! -e tried; touch tried; echo one-try; sleep 15", retry: InfrastructureRetry));
                await c.SaidAsync(run, "one-try");
                await c.Cluster.AsyncIn("delete", "pod", await c.PodAsync(run), "--wait=false", "--grace-period=1");
                var job = await c.EndAsync(run);
                var logs = (await c.LogAsync(job)).Split("one-try").Length - 1;
                var found = logs == 2 ? "both logs" : string.Create(CultureInfo.InvariantCulture, $"{logs} logs");
                return $"{job.Status}, attempt {job.Attempt}, {found}";
            }
        ),
        new("late report of an old attempt", "refused with 409, success", LateAsync),
        new("Job of the same name", "failed config_error, foreign Job untouched", ForeignAsync),
        new("orphan is removed", "gone", OrphanAsync),
    ];

    private static async Task<string> DisruptAsync(CaseContext c, Func<string, Task> disrupt)
    {
        var run = await c.StartAsync(c.File(Sleep));
        await c.SaidAsync(run, "begun");
        await disrupt(run);
        var found = await c.OutcomeAsync(run);
        await c.GoneAsync(run);
        return found;
    }

    /// <summary>A client with the pod's token reports success for an attempt that has already ended.</summary>
    private static async Task<string> LateAsync(CaseContext c)
    {
        var run = await c.StartAsync(c.File("test -e tried && exit 9; touch tried; echo begun; sleep 12", retry: InfrastructureRetry));
        await c.SaidAsync(run, "begun");
        var old = (await c.Api.GetJobsAsync(run)).Jobs[0].Steps[0].Executions[0].Id;
        var job = (await c.Cluster.NamesAsync("jobs", run)).Single();
        var token = Encoding.UTF8.GetString(
            Convert.FromBase64String(await c.Cluster.AsyncIn("get", "secret", job, "--output", "jsonpath={.data.token-s0}"))
        );
        await c.Cluster.AsyncIn("delete", "pod", await c.PodAsync(run), "--wait=false", "--grace-period=1");
        await Until.TrueAsync(
            async () => (await c.Api.GetExecutionAsync(old)).CompletedAt is not null,
            CaseContext.Patience,
            "the first attempt's end"
        );
        using var http = Server.Http(c.Server, token);
        using var response = await http.PostAsJsonAsync($"/v1/executions/{old}/status", new { status = "success", exit_code = 0 });
        var found = await c.OutcomeAsync(run);
        return string.Create(CultureInfo.InvariantCulture, $"refused with {(int)response.StatusCode}, {found}");
    }

    /// <summary>The foreign Job is created while the previous job runs, before Shipinator can create its own.</summary>
    private static async Task<string> ForeignAsync(CaseContext c)
    {
        var run = await c.StartAsync(
            c.File("echo begun; sleep 10")
                + $$"""

                test:
                  steps:
                    - { name: second, run: "true" }
                """
        );
        var second = (await c.Api.GetJobsAsync(run)).Jobs.Single(j => j.JobType == "test");
        var name = $"ship-{Guid.Parse(second.Id):N}-1";
        await c.Cluster.ApplyAsync(SuspendedJob(c, name, ""));
        try
        {
            async Task<string> Theirs() =>
                await c.Cluster.AsyncIn(
                    "get",
                    "job",
                    name,
                    "--ignore-not-found",
                    "--output",
                    "jsonpath={.metadata.uid} {.metadata.deletionTimestamp}"
                );
            var before = await Theirs();
            var found = await c.OutcomeAsync(run);
            await c.GoneAsync(run);
            // Workers are removed soon after the end, not immediately: another complete run gives the server the time.
            var next = await c.StartAsync(c.File("true"));
            await c.OutcomeAsync(next);
            await c.GoneAsync(next);
            return $"{found}, foreign Job {(await Theirs() == before ? "untouched" : "deleted")}";
        }
        finally
        {
            await c.Cluster.AsyncIn("delete", "job", name, "--ignore-not-found", "--wait=false");
        }
    }

    /// <summary>An orphaned Job with Shipinator's labels; suspended, so that it needs no image.</summary>
    private static async Task<string> OrphanAsync(CaseContext c)
    {
        var job = Guid.CreateVersion7();
        var name = $"ship-{job:N}-1";
        await c.Cluster.ApplyAsync(
            SuspendedJob(
                c,
                name,
                $$"""
                  labels:
                    app.kubernetes.io/managed-by: shipinator
                    shipinator.io/instance: {{Server.Instance}}
                    shipinator.io/job-id: {{job}}
                    shipinator.io/run-id: {{Guid.CreateVersion7()}}
                    shipinator.io/attempt: "1"
                """
            )
        );
        await Until.TrueAsync(
            async () => (await c.Cluster.AsyncIn("get", "job", name, "--ignore-not-found", "--output", "name")).Length == 0,
            TimeSpan.FromSeconds(90),
            "the sweep"
        );
        return "gone";
    }

    private static string SuspendedJob(CaseContext c, string name, string labels) =>
        $$"""
            apiVersion: batch/v1
            kind: Job
            metadata:
              name: {{name}}
            {{labels}}
            spec:
              suspend: true
              template:
                spec:
                  restartPolicy: Never
                  containers: [ { name: s0, {{c.Settings.Image(c.Settings.StepImage)}}, command: [sleep, "1"] } ]
            """;
}
