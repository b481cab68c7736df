using static Shipinator.KubernetesBattery.Battery;

namespace Shipinator.KubernetesBattery;

/// <summary>Canceled runs: terminal only when nothing of them is left in the cluster.</summary>
internal static class Cancels
{
    private const string Canceled = "canceled canceled_by_user, nothing left";

    public static IReadOnlyList<Case> Cases { get; } =
    [
        new("cancel before the pod", Canceled, c => CancelAsync(c, c.File("true"), _ => Task.CompletedTask)),
        new("cancel while pending", Canceled, c => CancelAsync(c, c.File("true", "resources: { cpu: 9000 }"), c.PodAsync)),
        new(
            "cancel while pulling",
            Canceled,
            c =>
                CancelAsync(
                    c,
                    c.File("true", image: MissingImage),
                    r => c.WaitsForAsync(r, w => w.Contains(MissingImage, StringComparison.Ordinal), "waiting_for to name the image")
                )
        ),
        new("cancel while running", Canceled, c => CancelAsync(c, c.File(Sleep), c.RunningAsync)),
        // A common bug of CI systems: a canceled run that is reported as a success.
        new(
            "cancel of a step that then succeeds",
            Canceled,
            c => CancelAsync(c, c.File("trap 'exit 0' TERM; echo ready; sleep 600 & wait"), r => c.SaidAsync(r, "ready"))
        ),
        new(
            "cancel of a step that ignores SIGTERM",
            Canceled,
            c => CancelAsync(c, c.File("trap '' TERM; echo ready; while :; do sleep 1; done"), r => c.SaidAsync(r, "ready"))
        ),
        new(
            "cancel while finishing",
            Canceled,
            c =>
                CancelAsync(
                    c,
                    c.File("trap 'sleep 12; exit 0' TERM; echo ready; sleep 600 & wait"),
                    async r =>
                    {
                        await c.SaidAsync(r, "ready");
                        await c.Cluster.AsyncIn("delete", "pod", await c.PodAsync(r), "--wait=false");
                    }
                )
        ),
        new(
            "cancel after some steps",
            "success, canceled",
            async c =>
            {
                var run = await c.StartAsync(
                    $$"""
                    image: "{{c.Settings.StepImage}}"
                    build:
                      steps:
                        - { name: first, run: "true" }
                        - { name: second, run: "{{Sleep}}" }
                    """
                );
                await c.SaidAsync(run, "begun");
                await c.Api.CancelRunAsync(run);
                var job = await c.EndAsync(run);
                await c.GoneAsync(run);
                return $"{job.Steps[0].Status}, {job.Steps[1].Status}";
            }
        ),
    ];

    private static async Task<string> CancelAsync(CaseContext c, string file, Func<string, Task> moment)
    {
        var run = await c.StartAsync(file);
        await moment(run);
        await c.Api.CancelRunAsync(run);
        var found = await c.OutcomeAsync(run);
        // At the moment at which it is reported, not later.
        var left = (await c.Cluster.NamesAsync("jobs", run)).Concat(await c.Cluster.NamesAsync("pods", run)).ToList();
        return $"{found}, {(left.Count == 0 ? "nothing" : string.Join(' ', left))} left";
    }
}
