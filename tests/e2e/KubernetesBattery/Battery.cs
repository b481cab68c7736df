namespace Shipinator.KubernetesBattery;

/// <summary>Every case, in the order of the table.</summary>
internal static class Battery
{
    public const string CacheClaim = "shipinator-e2e-cache";
    public const string PullSecret = "shipinator-e2e-pull";

    /// <summary>Only what the cluster does to a pod brings another attempt: that an attempt is the last is part of what is expected.</summary>
    public const string InfrastructureRetry = "{ max: 1, on: [infrastructure] }";
    public const string Sleep = "echo begun; sleep 600";

    /// <summary>On a port of the node itself where nobody listens: refused at once, whatever the node's DNS and proxies are like.</summary>
    public const string MissingImage = "127.0.0.1:1/shipinator/none:1";

    public static IReadOnlyList<Case> Cases { get; } =
    [.. Outcomes.Cases, .. Cancels.Cases, .. Disruptions.Cases, .. Work.Cases, .. Alone.Cases];

    public static async Task<string> SimpleAsync(CaseContext c, string file) => await c.OutcomeAsync(await c.StartAsync(file));

    /// <summary>The outcome, and whether the log holds a text.</summary>
    public static async Task<string> LoggedAsync(CaseContext c, string file, string text)
    {
        var job = await c.EndAsync(await c.StartAsync(file));
        return job.Status == "success"
            ? $"success, {((await c.LogAsync(job)).Contains(text, StringComparison.Ordinal) ? "found" : "not in the log")}"
            : $"{job.Status} {job.Reason}";
    }
}
