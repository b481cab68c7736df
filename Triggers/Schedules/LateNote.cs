using System.Globalization;

namespace Shipinator.Triggers.Schedules;

/// <summary>Says that a due time was taken late, why, and how many later due times it stands for.</summary>
internal static class LateNote
{
    /// <summary>The count of skipped due times ends here.</summary>
    public const int MostSkipped = 1000;

    /// <summary>Up to here a due time was taken in time: after a restart, for instance, or among very many others.</summary>
    private static readonly TimeSpan InTime = TimeSpan.FromMinutes(2);

    /// <summary>Null for a due time that was taken in time and stands for itself alone.</summary>
    public static string? Of(DateTimeOffset due, DateTimeOffset now, int skipped, string? failure)
    {
        if (now - due <= InTime && skipped == 0)
        {
            return null;
        }

        var because = failure is null ? "no server could start it at that time" : $"earlier attempts failed: {failure.TrimEnd('.')}";
        var others =
            skipped == 0 ? ""
            : skipped == 1 ? " It also stands for 1 later due time."
            : $" It also stands for {(skipped >= MostSkipped ? "at least " : "")}{skipped} later due times.";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Late: due at {due.UtcDateTime:yyyy-MM-dd HH:mm} UTC, started {Duration(now - due)} later, because {because}.{others}"
        );
    }

    private static string Duration(TimeSpan span) =>
        span.TotalMinutes < 1 ? $"{(int)span.TotalSeconds} s"
        : span.TotalHours < 1 ? $"{(int)span.TotalMinutes} min"
        : span.TotalDays < 1 ? $"{(int)span.TotalHours} h {span.Minutes} min"
        : $"{(int)span.TotalDays} d {span.Hours} h";
}
