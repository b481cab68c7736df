using System.Buffers.Binary;
using System.Security.Cryptography;
using Cronos;

namespace Shipinator.Pipelines;

/// <summary>
/// When a schedule is due: a cron expression in a time zone. Pure: the same expression, zone, repository and time give the same result. A
/// fixed time that a clock change skips is due at the next valid time, and one that a clock change repeats is due once; a time of an
/// interval (<c>*/10</c>) is due whenever the clock shows it.
/// </summary>
public sealed class ScheduleTimes
{
    /// <summary>The macros; each stands for a fixed time, such as midnight.</summary>
    internal static readonly IReadOnlyList<string> Macros =
    [
        "@every_minute",
        "@hourly",
        "@daily",
        "@midnight",
        "@weekly",
        "@monthly",
        "@yearly",
        "@annually",
    ];

    /// <summary>From here on a valid expression must have a time.</summary>
    private static readonly DateTimeOffset Start = new(2024, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly TimeSpan LongestGap = TimeSpan.FromDays(3);

    private readonly CronExpression _cron;
    private readonly TimeZoneInfo _zone;

    private ScheduleTimes(CronExpression cron, TimeZoneInfo zone) => (_cron, _zone) = (cron, zone);

    /// <summary>
    /// The times of a schedule. <paramref name="repository"/> chooses the values that <c>H</c> stands for: the same for every schedule of a
    /// repository, and different between repositories. Errors: <see cref="InvalidInputException"/> <c>schedule_invalid</c> for an
    /// expression that is not valid, and for a time zone that this server does not know.
    /// </summary>
    public static ScheduleTimes Of(string cron, string timeZone, RepositoryId repository) =>
        Parse(cron, Seed(repository)) is not { } expression
            ? throw new InvalidInputException(
                "schedule_invalid",
                $"'{Phrases.Shorten(cron)}' is not a valid cron expression of five fields: minute hour day month weekday."
            )
        : TimeZones.Find(timeZone) is not { } zone
            ? throw new InvalidInputException(
                "schedule_invalid",
                $"'{Phrases.Shorten(timeZone)}' is not a time zone that this server knows; install its time zone data (tzdata), or use "
                    + "another zone in 'timezone'."
            )
        : new(expression, zone);

    /// <summary>The first time after <paramref name="after"/>, in UTC; null when there is none before the year 2100.</summary>
    public DateTimeOffset? Next(DateTimeOffset after)
    {
        // A zone that moves across the date line skips a day, for which the time zone data has an offset nevertheless: times of that day
        // are then found before the time from which they are looked for.
        for (var from = after; from <= after + LongestGap; from += TimeSpan.FromHours(1))
        {
            var next = _cron.GetNextOccurrence(from, _zone);
            if (next is null || next > after)
            {
                return next?.ToUniversalTime();
            }
        }

        return null;
    }

    /// <summary>
    /// How many times there are after <paramref name="after"/> and up to <paramref name="upTo"/>; counts to at most
    /// <paramref name="most"/>.
    /// </summary>
    public int Count(DateTimeOffset after, DateTimeOffset upTo, int most)
    {
        var count = 0;
        for (var at = Next(after); at <= upTo && count < most; at = Next(at.Value))
        {
            count++;
        }

        return count;
    }

    /// <summary>Null when the text is not a valid expression.</summary>
    internal static bool IsValid(string cron) => Parse(cron, 0) is not null;

    /// <summary>Whether a valid expression is ever due: the 31st of February is not.</summary>
    internal static bool IsEverDue(string cron) => Parse(cron, 0)?.GetNextOccurrence(Start, TimeZoneInfo.Utc) is not null;

    private static CronExpression? Parse(string cron, int seed)
    {
        try
        {
            var text = cron.Trim();
            // With a seed the macros would be spread, too, but everybody expects @daily at midnight.
            return !text.StartsWith('@') ? CronExpression.Parse(text, CronFormat.Standard, seed)
                : Macros.Contains(text, StringComparer.OrdinalIgnoreCase) ? CronExpression.Parse(text, CronFormat.Standard)
                : null;
        }
        catch (Exception wrong)
            when (wrong
                    is FormatException
                        or ArgumentException
                        or InvalidOperationException
                        or IndexOutOfRangeException
                        or OverflowException
            )
        {
            return null;
        }
    }

    /// <summary>A hash: the first bytes of an id are the time of its creation, which registrations in bulk share.</summary>
    private static int Seed(RepositoryId repository) =>
        BinaryPrimitives.ReadInt32BigEndian(SHA256.HashData(repository.Value.ToByteArray(bigEndian: true)));
}
