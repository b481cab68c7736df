using System.Globalization;
using MudBlazor;
using Shipinator.Schema.Queries;
using Shipinator.Triggers;

namespace Shipinator.WebFrontend.Dashboard.Components.Shared;

/// <summary>How values are displayed, and the texts that several pages share.</summary>
internal static class Display
{
    public const string AccessDenied = "Access denied";

    public const string RoleNotAllowed = "The role of your token does not allow access to this page.";

    public const string UnexpectedError = "An unexpected error occurred. See the server log for details.";

    public const string DefaultExecutor = "Server default";

    public const string NoRuns = "No runs yet";

    public const string InvalidAddress = "Invalid address";

    /// <summary>Label of the navigation that leads to the parents of a page.</summary>
    public const string Breadcrumbs = "Breadcrumbs";

    public static string Icon(Status status) =>
        status switch
        {
            Status.Success => Icons.Material.Filled.CheckCircle,
            Status.Failed => Icons.Material.Filled.Cancel,
            Status.Running => Icons.Material.Filled.Autorenew,
            Status.Canceled => Icons.Material.Filled.Block,
            Status.Skipped => Icons.Material.Filled.SkipNext,
            Status.Submitted => Icons.Material.Filled.Outbox,
            _ => Icons.Material.Filled.Schedule,
        };

    /// <summary>As 1.0 s, 12 s, 2 min 05 s or 1 h 02 min, in the same format as <c>app.js</c>.</summary>
    public static string Duration(TimeSpan span)
    {
        if (span < TimeSpan.Zero)
        {
            span = TimeSpan.Zero;
        }

        return span.TotalSeconds < 10 ? string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0.0} s")
            : span.TotalMinutes < 1 ? string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalSeconds} s")
            : span.TotalHours < 1 ? string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalMinutes} min {span.Seconds:00} s")
            : string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalHours} h {span.Minutes:00} min");
    }

    /// <summary>A duration as an axis label, in the unit of the distance between the grid lines.</summary>
    public static string Axis(TimeSpan span, TimeSpan step) =>
        step.TotalMinutes < 1 ? string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0} s")
        : step.TotalHours < 1 ? string.Create(CultureInfo.InvariantCulture, $"{span.TotalMinutes:0} min")
        : string.Create(CultureInfo.InvariantCulture, $"{span.TotalHours:0} h");

    /// <summary>A number of bytes with a binary unit.</summary>
    public static string Size(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        var value = (double)bytes;
        var unit = 0;
        while (value >= 1024 && unit < units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{value:0.#} {units[unit]}");
    }

    /// <summary>For machines: the <c>datetime</c> attribute.</summary>
    public static string Iso(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    public static string Full(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);

    /// <summary>The time of day, in UTC.</summary>
    public static string Clock(DateTimeOffset at) => at.UtcDateTime.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);

    /// <summary>The name of an actor, without the kind that the history stores before it.</summary>
    public static string Actor(string actor) =>
        Visible.Text(
            actor.StartsWith("token:", StringComparison.Ordinal) ? actor["token:".Length..]
            : actor.StartsWith("forge:", StringComparison.Ordinal) ? actor["forge:".Length..]
            : actor
        );

    /// <summary>Project not found, run not found.</summary>
    public static string NotFound(string what) => $"{char.ToUpperInvariant(what[0])}{what[1..]} not found";

    /// <summary>A number with its noun: 1 run, 2 runs.</summary>
    /// <param name="n">How many.</param>
    /// <param name="noun">The singular of a regular noun.</param>
    /// <param name="plural">The plural, for irregular nouns.</param>
    public static string Count(long n, string noun, string? plural = null) => $"{Number(n)} {(n == 1 ? noun : plural ?? noun + "s")}";

    public static string Number(long n) => n.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A CSS length: 1 is 100%.</summary>
    public static string Percent(double part) => string.Create(CultureInfo.InvariantCulture, $"{part * 100:0.###}%");

    /// <summary>The first line of a commit message.</summary>
    public static string Subject(string? message) => message is null ? "" : Visible.Text(message.Split('\n', 2)[0].Trim());

    /// <summary>An abbreviated commit.</summary>
    public static string Sha(string sha) => sha.Length > 8 ? sha[..8] : sha;

    /// <summary>The branch, tag or commit that a run was triggered for.</summary>
    public static string Ref(RunView run) =>
        Visible.Text(
            run.Branch
                ?? run.GitRef.Replace("refs/tags/", "", StringComparison.Ordinal).Replace("refs/heads/", "", StringComparison.Ordinal)
        );

    public static string Reason(Reason? reason) => reason is null ? "" : reason.Value.Word().Replace('_', ' ');

    /// <summary>A short label for what something is waiting for; <see cref="WaitReasonDisplay.Describe"/> has the details.</summary>
    public static string WaitLabel(WaitKind kind) =>
        kind switch
        {
            WaitKind.Slot => "Slot",
            WaitKind.RepositoryTurn => "Concurrency group",
            WaitKind.Dependencies => "Earlier jobs or steps",
            WaitKind.Children => "Running jobs or steps",
            WaitKind.Retry => "Next attempt",
            WaitKind.PreviousAttempt => "Previous attempt",
            WaitKind.CancelConfirmation => "Cancel",
            WaitKind.Executor => "Executor",
            WaitKind.Runner or WaitKind.RunnerSilent => "Runner",
            WaitKind.Scheduling => "Node",
            WaitKind.Image => "Image",
            WaitKind.Container => "Container",
            WaitKind.Service => "Service",
            WaitKind.Checkout => "Checkout",
            WaitKind.Disruption => "Disruption",
            WaitKind.Start => "Start",
            WaitKind.Unknown => "Unknown",
            _ => "Other",
        };

    /// <summary>The message of an error for the user; unexpected errors get a generic text.</summary>
    public static string Error(Exception e) =>
        e switch
        {
            ShipinatorException or MalformedException or RateLimitedException => e.Message,
            OrleansException or TimeoutException =>
                "The cluster did not respond. The operation may or may not have completed; check before you retry.",
            _ => UnexpectedError,
        };

    /// <summary>Whether an error is expected and is shown next to the action that caused it; anything else is a bug.</summary>
    public static bool IsExpected(Exception e) =>
        e is ShipinatorException or MalformedException or RateLimitedException or OrleansException or TimeoutException;
}
