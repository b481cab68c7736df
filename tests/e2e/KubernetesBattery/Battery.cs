namespace Shipinator.KubernetesBattery;

/// <summary>Every case, in the order of the table.</summary>
internal static class Battery
{
    public const string CacheClaim = "shipinator-e2e-cache";
    public const string PullSecret = "shipinator-e2e-pull";

    /// <summary>Retries only after disruptions by the cluster; the number of attempts is part of the expected result.</summary>
    public const string InfrastructureRetry = "{ max: 1, on: [infrastructure] }";
    public const string Sleep = "echo begun; sleep 600";

    /// <summary>On a closed port of the node itself: refused immediately, whatever the node's DNS and proxies are.</summary>
    public const string MissingImage = "127.0.0.1:1/shipinator/none:1";

    public static IReadOnlyList<Case> Cases { get; } =
    [.. Outcomes.Cases, .. Cancels.Cases, .. Disruptions.Cases, .. Work.Cases, .. Alone.Cases];

    public static async Task<string> SimpleAsync(CaseContext c, string file) => await c.OutcomeAsync(await c.StartAsync(file));

    /// <summary>The result, and whether the log contains a text.</summary>
    public static async Task<string> LoggedAsync(CaseContext c, string file, string text)
    {
        var job = await c.EndAsync(await c.StartAsync(file));
        return job.Status == "success"
            ? $"success, {((await c.LogAsync(job)).Contains(text, StringComparison.Ordinal) ? "found" : "not in the log")}"
            : $"{job.Status} {job.Reason}";
    }
}
