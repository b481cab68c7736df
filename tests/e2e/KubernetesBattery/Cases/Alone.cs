using static Shipinator.KubernetesBattery.Battery;

namespace Shipinator.KubernetesBattery;

/// <summary>Cases that affect the namespace or the server of all others; they run one after another.</summary>
internal static class Alone
{
    public static IReadOnlyList<Case> Cases { get; } =
    [
        new(
            "quota full, then free",
            "reported immediately, success",
            async c =>
            {
                await c.Cluster.ApplyAsync(Quota("nothing", "pods: \"0\""));
                try
                {
                    var run = await c.StartAsync(c.File("true"));
                    var said = await c.PromptlyAsync(
                        run,
                        "exceeded quota",
                        "waiting_for to name the quota",
                        () =>
                            c.Cluster.AsyncIn(
                                "get",
                                "events",
                                "--field-selector",
                                "reason=FailedCreate",
                                "--output",
                                "jsonpath={.items[*].message}"
                            ),
                        "exceeded quota"
                    );
                    await c.Cluster.AsyncIn("delete", "resourcequota", "nothing");
                    return $"{said}, {await c.OutcomeAsync(run)}";
                }
                finally
                {
                    await c.Cluster.AsyncIn("delete", "resourcequota", "nothing", "--ignore-not-found");
                }
            },
            Alone: true
        ),
        new(
            "quota that requires limits",
            "failed config_error, then success",
            async c =>
            {
                await c.Cluster.ApplyAsync(Quota("demands", "limits.cpu: \"1000\", limits.memory: 1000Gi"));
                try
                {
                    var first = await SimpleAsync(c, c.File("true"));
                    await c.Cluster.ApplyAsync(
                        """
                        apiVersion: v1
                        kind: LimitRange
                        metadata: { name: defaults }
                        spec:
                          limits: [ { type: Container, default: { cpu: "1", memory: 512Mi }, defaultRequest: { cpu: 10m, memory: 16Mi } } ]
                        """
                    );
                    c.Note = "";
                    return $"{first}, then {await SimpleAsync(c, c.File("true"))}";
                }
                finally
                {
                    await c.Cluster.AsyncIn("delete", "resourcequota,limitrange", "demands", "defaults", "--ignore-not-found");
                }
            },
            Alone: true
        ),
        new(
            "server killed in a step",
            "success, complete and once",
            async c =>
            {
                var run = await c.StartAsync(c.File("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line-$i; sleep 2; done"));
                await c.SaidAsync(run, "line-2\n");
                await c.KillServerAsync();
                var job = await c.EndAsync(run);
                var lines = (await c.LogAsync(job)).Split('\n').Where(l => l.StartsWith("line-", StringComparison.Ordinal)).ToList();
                await c.GoneAsync(run);
                var whole = lines.SequenceEqual(Enumerable.Range(1, 12).Select(i => $"line-{i}")) && job.Attempt == 1;
                return $"{job.Status}, {(whole ? "complete and once" : string.Join(' ', lines))}";
            },
            Alone: true
        ),
    ];

    private static string Quota(string name, string hard) =>
        $$"""
            apiVersion: v1
            kind: ResourceQuota
            metadata: { name: {{name}} }
            spec: { hard: { {{hard}} } }
            """;
}
