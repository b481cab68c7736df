using System.Globalization;
using System.Text;
using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Statuses;

/// <summary>
/// What a commit status says about a run: a state and one sentence. Everybody who can read the repository can read it, so it has only what
/// comes from the repository (names, filters, errors of the pipeline file), reasons and exit codes: never the detail of an error of a step
/// or the name of a user.
/// </summary>
public static class StatusText
{
    /// <summary>The limit of GitHub for a description.</summary>
    public const int MaxLength = 140;

    /// <summary>The longest part of a description that is a name.</summary>
    private const int MaxName = 40;

    /// <summary>The state and the sentence for a run.</summary>
    public static (CommitState State, string Description) Of(StatusRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        return run.Status switch
        {
            Status.Pending => (CommitState.Pending, "Queued"),
            Status.Running => (CommitState.Pending, Fit(Running(run))),
            Status.Success => (CommitState.Success, Fit(Succeeded(run))),
            Status.Canceled => (CommitState.Failure, run.Reason == Reason.Superseded ? "Canceled: superseded by a newer run" : "Canceled"),
            _ => Failed(run),
        };
    }

    /// <summary>
    /// One line of at most <see cref="MaxLength"/> characters: control characters become spaces, and a longer text ends with an ellipsis.
    /// </summary>
    public static string Fit(string text) => Fit(text, MaxLength);

    private static string Fit(string text, int max)
    {
        ArgumentNullException.ThrowIfNull(text);
        var line = new StringBuilder(Math.Min(text.Length, max + 1));
        foreach (var rune in text.EnumerateRunes())
        {
            // Also a lone surrogate, which became U+FFFD, and marks that reverse the direction of text.
            var shown = Rune.GetUnicodeCategory(rune)
                is UnicodeCategory.Control
                    or UnicodeCategory.LineSeparator
                    or UnicodeCategory.ParagraphSeparator
                ? new Rune(' ')
                : rune;
            if (Rune.GetUnicodeCategory(rune) == UnicodeCategory.Format)
            {
                continue;
            }

            if (line.Length + shown.Utf16SequenceLength > max)
            {
                while (line.Length > max - 1)
                {
                    line.Length -= line.Length > 1 && char.IsLowSurrogate(line[^1]) ? 2 : 1;
                }

                return line.ToString().Trim() + "…";
            }

            line.Append(shown);
        }

        return line.ToString().Trim();
    }

    private static string Running(StatusRun run)
    {
        var running = run.Jobs.Where(j => j.Status == Status.Running).Select(j => Fit(j.Name, MaxName)).ToList();
        var names = running.Count > 2 ? $"{running[0]} and {running.Count - 1} more" : string.Join(" and ", running);
        return running.Count == 0
            ? "Running"
            : $"Running: {names} ({run.Jobs.Count(j => j.Status.IsTerminal())} of {Jobs(run.Jobs.Count)} done)";
    }

    private static string Succeeded(StatusRun run)
    {
        var ran = run.Jobs.Count(j => j.Status == Status.Success);
        var reused = run.Jobs.Count(j => j.IsReused);
        if (ran == 0 && reused == 0)
        {
            return $"Skipped: {run.Detail ?? "no job applies to this commit"}";
        }

        var skipped = run.Jobs.Count(j => j.Status == Status.Skipped && !j.IsReused);
        return $"{Jobs(ran + reused)} succeeded"
            + (skipped > 0 ? $", {skipped} skipped" : "")
            + (run is { StartedAt: { } from, FinishedAt: { } to } ? $" in {Duration(to - from)}" : "");
    }

    private static (CommitState, string) Failed(StatusRun run)
    {
        var failed = run.Jobs.Where(j => j.Status is Status.Failed or Status.Canceled).ToList();
        var first = failed.FirstOrDefault();
        var reason = first?.FailedStep?.Reason ?? first?.Reason ?? run.Reason;
        var state = reason is Reason.ConfigError || reason?.IsInfrastructure() == true ? CommitState.Error : CommitState.Failure;
        var more = failed.Count > 1 ? $" (and {Jobs(failed.Count - 1)} more)" : "";
        var where = first is null
            ? run.Reason == Reason.ConfigError
                ? "The pipeline file"
                : "The run"
            : first.FailedStep is { } step
                ? $"{Fit(first.Name, MaxName)} / {Fit(step.Name, MaxName)}"
                : Fit(first.Name, MaxName);
        var what =
            first?.Status == Status.Canceled ? "was canceled"
            : first is null && run is { Reason: Reason.ConfigError, Detail: { } detail } ? $"has errors: {detail}"
            : $"failed: {Words(reason, first?.FailedStep?.ExitCode)}";
        return (state, Fit($"{where} {what}{more}"));
    }

    private static string Words(Reason? reason, int? exitCode) =>
        reason switch
        {
            Reason.ExitCode or null => exitCode is { } code
                ? string.Create(CultureInfo.InvariantCulture, $"exit code {code}")
                : "see the run",
            Reason.Timeout => "time limit exceeded",
            Reason.OomKilled => "memory limit exceeded",
            Reason.Evicted => "stopped by the platform",
            Reason.ImagePull => "image can't be pulled",
            Reason.Lost => "worker lost",
            Reason.Unschedulable => "no machine was free in time",
            Reason.ExecutorError => "infrastructure error",
            Reason.ConfigError => "configuration error",
            Reason.ArtifactMissing => "artifact missing",
            Reason.ArtifactInvalid => "artifact invalid",
            Reason.DependencyFailed => "dependency failed",
            Reason.CanceledByUser or Reason.Superseded => "canceled",
            var other => other.Value.Word(),
        };

    private static string Jobs(int count) => string.Create(CultureInfo.InvariantCulture, $"{count} job{(count == 1 ? "" : "s")}");

    private static string Duration(TimeSpan time) =>
        time.TotalMinutes < 1 ? $"{Math.Max(0, (int)time.TotalSeconds)} s"
        : time.TotalHours < 1 ? $"{time.Minutes} min {time.Seconds} s"
        : $"{(int)time.TotalHours} h {time.Minutes} min";
}
