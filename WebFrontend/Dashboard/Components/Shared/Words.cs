using System.Globalization;
using MudBlazor;
using Shipinator.Schema.Queries;
using Shipinator.Triggers;

namespace Shipinator.WebFrontend.Dashboard.Components.Shared;

/// <summary>How things are said on screens.</summary>
internal static class Say
{
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

    /// <summary>1 s, 2 min 05 s, 1 h 02 min: the same words as <c>app.js</c>.</summary>
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

    /// <summary>A duration beside an axis, in the unit that the distance of its lines is told in.</summary>
    public static string Axis(TimeSpan span, TimeSpan step) =>
        step.TotalMinutes < 1 ? string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0} s")
        : step.TotalHours < 1 ? string.Create(CultureInfo.InvariantCulture, $"{span.TotalMinutes:0} min")
        : string.Create(CultureInfo.InvariantCulture, $"{span.TotalHours:0} h");

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

    public static string Iso(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    public static string Full(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);

    /// <summary>The time of day, UTC.</summary>
    public static string Clock(DateTimeOffset at) => at.UtcDateTime.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);

    /// <summary>Who did it, without the kind that the history keeps before the name.</summary>
    public static string Actor(string actor) =>
        Visible.Text(actor.StartsWith("token:", StringComparison.Ordinal) ? actor["token:".Length..] : actor);

    public static string Number(long n) => n.ToString("N0", CultureInfo.InvariantCulture);

    public static string Percent(double part) => string.Create(CultureInfo.InvariantCulture, $"{part * 100:0.###}%");

    /// <summary>A commit's first line.</summary>
    public static string Subject(string? message) => message is null ? "" : Visible.Text(message.Split('\n', 2)[0].Trim());

    public static string Sha(string sha) => sha.Length > 8 ? sha[..8] : sha;

    public static string Ref(RunView run) =>
        Visible.Text(
            run.Branch
                ?? run.GitRef.Replace("refs/tags/", "", StringComparison.Ordinal).Replace("refs/heads/", "", StringComparison.Ordinal)
        );

    public static string Reason(Reason? reason) => reason is null ? "" : reason.Value.Word().Replace('_', ' ');

    /// <summary>What a person is told of an error.</summary>
    public static string Error(Exception e) =>
        e switch
        {
            ShipinatorException or MalformedException or RateLimitedException => e.Message,
            OrleansException or TimeoutException => "The cluster did not answer. Nothing may have happened: look before you try again.",
            _ => "Something went wrong in the server; its log says more.",
        };

    /// <summary>Whether it is something that a person is told of, beside what they did; anything else is a defect of ours.</summary>
    public static bool IsToBeTold(Exception e) =>
        e is ShipinatorException or MalformedException or RateLimitedException or OrleansException or TimeoutException;
}
